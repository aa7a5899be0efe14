"""The words of messages as the administrator edits them, the link that staff send, and what the gateway tells us."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from prom_server import message_settings
from prom_server.core.contacts import Kind
from prom_server.services import contacts
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.web import inbound as hooks
from prom_server.web.inbound import signature
from tests import cast as people
from tests.cast import Cast, count
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON
from tests.support.pages import Form
from tests.support.signing_in import signed_in

SECRET = "a-secret-of-the-gateway"
PUBLIC = "https://prom.example.org"
NUMBER = "+13035550144"

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def settings(app: Flask, database: Database, team: Cast) -> Browser:
    """Ada, signed in."""
    return signed_in(app, database, team.ada)


def words_form(page: Browser) -> Form:
    return next(form for form in page.page.forms if ("go", "preview") in form.buttons)


def test_words_are_previewed_then_saved_then_taken_back(settings: Browser, database: Database) -> None:
    page = settings.get("/settings/words/reminder-sms-en")
    assert "Harbour Street Pain Clinic: your questions are ready." in page.response.text
    assert "Reply STOP to end texts." in page.response.text
    assert "sent as 1 part" in page.response.text
    page.submit(words_form(page), body="{clinic}: your pain score waits: {link}", go="preview")
    assert "Preview, not saved" in page.response.text
    assert "why somebody is a patient here: pain" in page.response.text
    assert "As shipped" in page.response.text
    page.submit(words_form(page), body="{clinic}: come in. {link}")
    assert "The words are saved" in page.response.text
    assert "Harbour Street Pain Clinic: come in." in page.response.text
    assert "today 12:00" in page.get("/settings/words").response.text
    page.get("/settings/words/reminder-sms-en")
    page.submit(next(form for form in page.page.forms if form.action.endswith("/reset")))
    assert "The shipped words are sent again" in page.response.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"body": "{link} {name}"}, "A name in braces is not known"),
        ({"body": "no link"}, "Please keep {link} in the text"),
        ({"body": ""}, "Please fill this in"),
        ({"subject": ""}, "Please fill this in"),
    ],
)
def test_words_that_cannot_be_sent_are_refused(settings: Browser, typed: dict[str, str], said: str) -> None:
    page = settings.get("/settings/words/reminder-email-en")
    page.submit(words_form(page), **{"subject": "Ready", "body": "{link}"} | typed)
    assert page.status == 422
    assert said in page.response.text


def test_a_test_to_oneself(settings: Browser, database: Database) -> None:
    page = settings.get("/settings/words/link-email-es")
    token = {"csrf_token": page.page.form.fields["csrf_token"]}
    page.post("/settings/words/link-email-es/test", token)
    assert "A test to your own address is in the outbox" in page.response.text
    assert count(database, Message, Message.purpose == "test") == 1
    page.post("/settings/words/link-sms-es/test", token)
    assert page.status == 409
    assert "No mobile number is recorded for you" in page.response.text


def test_the_desk_sends_a_link_once(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        assessment = clinic.assessment_of(session, people.start(session, team), "baseline")
    page = desk.get(f"/assessments/{assessment}/link")
    assert "No e-mail address and no mobile number are recorded." in page.response.text
    with database.writing() as session:
        contacts.set_address(session, team.alice, Kind.SMS, NUMBER, consent=True, by=team.bob, at=NOON)
    form = next(each for each in desk.get(page.path).page.forms if each.action.endswith("/send"))
    for said in ("The link is in the outbox", "Nothing more was sent"):
        desk.submit(form)
        assert said in desk.response.text
    assert count(database, Message) == 1
    assert "sent 1 time before" in desk.get(f"/assessments/{assessment}/link").response.text
    desk.submit(form, channel="email")
    assert desk.status == 409
    assert "The patient cannot be written to this way" in desk.response.text
    desk.submit(form, sent="two")
    assert count(database, Message) == 1


# ---- The gateway


@pytest.fixture
def gateway(database: Database, team: Cast, tmp_path: Path) -> FlaskClient:
    """An application that knows the gateway's secret; a patient has its number."""
    with database.writing() as session:
        contacts.set_address(session, team.alice, Kind.SMS, NUMBER, consent=True, by=team.bob, at=NOON)
    environment = {"SMS_HOOK_SECRET": SECRET, "PUBLIC_URL": PUBLIC, "TRUSTED_PROXIES": "1"}
    return application(database, tmp_path, **environment).test_client()


def post(gateway: FlaskClient, path: str, fields: dict[str, str], *, secret: str = SECRET, url: str | None = None):
    signed = signature(url or PUBLIC + path, MultiDict(fields), secret)
    return gateway.post(path, data=fields, headers={"X-Twilio-Signature": signed})


def is_stopped(database: Database) -> bool:
    with database.reading() as session:
        return session.scalars(select(Channel.stopped_at)).one() is not None


def test_the_signature_is_twilios() -> None:
    """Fields in the order of their names, each with its value, after the address; worked out with openssl."""
    fields = MultiDict({"To": "+18005551212", "From": "+14158675310", "Body": "STOP"})
    assert signature("https://example.org/hooks/sms", fields, "12345") == "Iwse2VHDVvTHLWkfedGcoCU60Kk="


def test_the_secret_is_twilios_token_or_one_of_our_own() -> None:
    twilio = {"SMS_PRESET": "twilio", "SMS_USER": "AC1", "SMS_PASSWORD": "the account's token", "SMS_FROM": NUMBER}
    problems: list[str] = []
    assert message_settings.read(twilio, problems).sms_hook_secret == "the account's token"
    assert message_settings.read({**twilio, "SMS_HOOK_SECRET": SECRET}, problems).sms_hook_secret == SECRET
    assert message_settings.read({}, problems).sms_hook_secret is None
    assert problems == []
    message_settings.read({"SMS_HOOK_SECRET": "short"}, problems)
    assert problems == ["SMS_HOOK_SECRET must have at least 20 characters."]


def test_stop_by_twilio(gateway: FlaskClient, database: Database) -> None:
    response = post(gateway, "/hooks/sms", {"From": NUMBER, "Body": "Stop", "MessageSid": "SM9"})
    assert (response.status_code, response.mimetype) == (200, "text/xml")
    assert response.text.endswith("<Response/>")
    assert is_stopped(database)
    assert post(gateway, "/hooks/sms", {"From": NUMBER, "Body": "Start"}).text == response.text
    assert not is_stopped(database)
    unknown = post(gateway, "/hooks/sms", {"From": "+13035550199", "Body": "Stop"})
    assert (unknown.status_code, unknown.text) == (200, response.text)


def test_stop_by_another_gateway(gateway: FlaskClient, database: Database) -> None:
    fields = {"from": NUMBER, "text": "STOP"}
    assert gateway.post("/hooks/sms", data=fields, headers={"X-Hook-Secret": "x" * 23}).status_code == 403
    assert not is_stopped(database)
    assert gateway.post("/hooks/sms", data=fields, headers={"X-Hook-Secret": SECRET}).status_code == 200
    assert is_stopped(database)


@pytest.mark.parametrize("path", ["/hooks/sms", "/hooks/sms/status"])
def test_an_unsigned_request_is_refused(gateway: FlaskClient, database: Database, path: str) -> None:
    fields = {"From": NUMBER, "Body": "STOP"}
    for refused in (
        gateway.post(path, data=fields),
        post(gateway, path, fields, secret="another secret of somebody"),
        post(gateway, path, fields, url=f"http://localhost{path}"),
        gateway.post(path, data={**fields, "x": "1"}, headers={"X-Twilio-Signature": "é"}),
    ):
        assert (refused.status_code, refused.data) == (403, b"")
    assert not is_stopped(database)


def test_a_flood_is_cut_short(gateway: FlaskClient, database: Database) -> None:
    assert post(gateway, "/hooks/sms", {"From": NUMBER, "Body": "STOP " + "x" * 20_000}).status_code == 413
    assert not is_stopped(database)


def test_without_a_secret_nobody_is_trusted(app: Flask, database: Database, team: Cast) -> None:
    client = app.test_client()
    assert client.post("/hooks/sms", data={}, headers={"X-Hook-Secret": ""}).status_code == 403
    assert post(client, "/hooks/sms", {"From": NUMBER, "Body": "STOP"}, secret="").status_code == 403


def test_an_undelivered_sms(
    gateway: FlaskClient, database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        session.add(
            Message(
                clinic_id=team.bob.clinic.id, key="k", purpose="reminder", channel="sms", address=NUMBER, language="en",
                created_at=NOON, next_try_at=NOON, sent_at=NOON, provider_id="SM9",
            )
        )  # fmt: skip
        session.add(
            Message(
                clinic_id=team.bob.clinic.id, key="l", purpose="link", channel="sms", address=NUMBER, language="en",
                created_at=NOON, next_try_at=NOON, sending_at=NOON,
            )
        )  # fmt: skip
    monkeypatch.setattr(hooks, "PATIENCE", (0.0,))
    early = {"MessageSid": "SM10", "MessageStatus": "failed"}
    assert post(gateway, "/hooks/sms/status", early).status_code == 503  # it may be about that one: tell us again
    with database.writing() as session:
        session.execute(update(Message).where(Message.key == "l").values(sent_at=NOON, provider_id="SM10"))
    for status, error in (("sent", ""), ("delivered", ""), ("undelivered", "30005")):
        fields = {"MessageSid": "SM9", "MessageStatus": status, "ErrorCode": error}
        assert post(gateway, "/hooks/sms/status", fields).status_code == 200
        with database.reading() as session:
            assert (session.scalars(select(Channel.undeliverable_reason)).one() is None) == (not error)
    with database.reading() as session:
        assert session.scalars(select(Message.reason).where(Message.key == "k")).one() == "undelivered 30005"
