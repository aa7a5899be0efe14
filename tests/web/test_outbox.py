"""The outbox: what was only logged can be read, what is in trouble is decided, every page says what is not live."""

import socket
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from prom_server.message_settings import MessageSettings
from prom_server.messages import live
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from tests.cast import Cast
from tests.support import letters
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.databases import only_sqlite
from tests.support.signing_in import signed_in

pytestmark = [pytest.mark.usefixtures("noon"), only_sqlite]

NOT_LIVE = "No message leaves this installation"
TRIAL = "Not live: messages are only written down"
ELSEWHERE = "Another machine sends the messages; this one sends none"


def put(database: Database, team: Cast, key: str, **facts: object) -> str:
    with database.writing() as session:
        patient = session.scalars(select(Patient).where(Patient.public_id == team.alice)).one()
        message = session.get_one(Message, letters.put(session, team.bob, key, patient_id=patient.id))
        for name, value in facts.items():
            setattr(message, name, value)
        return message.public_id


def test_an_empty_outbox_says_what_would_be_here(desk: Browser) -> None:
    assert "No message yet" in desk.get("/outbox").page.text


def test_what_was_only_logged_is_read_with_its_link(desk: Browser, app, database: Database, team: Cast) -> None:
    body = "Your questions are ready: https://prom.example.org/a/token <b>"
    public_id = put(database, team, "k", logged_at=NOON, body=body, subject="Hello")
    assert "Only logged" in desk.get("/outbox").page.text
    assert f"/outbox/{public_id}" in desk.page.links
    desk.get(f"/outbox/{public_id}")
    assert "Hello" in desk.page.text
    assert "https://prom.example.org/a/token" in desk.page.links
    assert "&lt;b&gt;" in desk.response.text
    ada = signed_in(app, database, team.ada).get(f"/outbox/{public_id}")
    assert ada.status == 200
    assert "a/token" not in ada.response.text
    assert "Specimen" not in ada.response.text


def test_trouble_stands_first_and_is_decided(desk: Browser, database: Database, team: Cast) -> None:
    public_id = put(database, team, "a", unclear_at=NOON, reason="no_answer", sending_at=NOON)
    put(database, team, "b", sent_at=NOON)
    text = desk.get("/outbox").page.text
    assert "Not delivered, or unclear" in text
    assert "The connection ended before the other side confirmed it." in text
    desk.get(f"/outbox/{public_id}")
    form = next(each for each in desk.page.forms if each.action.endswith("/settle"))
    assert [value for _name, value in form.buttons] == ["arrived", "again", "left"]
    desk.submit(form, how="arrived")
    assert "Recorded: it arrived." in desk.page.text
    assert f"It arrived, says {team.cora.name}" in desk.page.text
    assert not [each for each in desk.page.forms if each.action.endswith("/settle")]
    assert "Not delivered, or unclear" not in desk.get("/outbox").page.text
    assert desk.submit(form, how="left").status == 409  # a second tab
    assert "Somebody decided it in the meantime" in desk.page.text


def test_what_cannot_be_sent_again_says_why(desk: Browser, database: Database, team: Cast) -> None:
    public_id = put(database, team, "a", refused_at=NOON, reason="address")
    desk.get(f"/outbox/{public_id}")
    form = next(each for each in desk.page.forms if each.action.endswith("/settle"))
    assert [value for _name, value in form.buttons] == ["again", "left"]
    assert desk.submit(form, how="again").status == 409
    assert "the patient has no address to write to" in desk.page.text


def test_a_word_that_is_no_decision(desk: Browser, database: Database, team: Cast) -> None:
    public_id = put(database, team, "a", refused_at=NOON)
    desk.get(f"/outbox/{public_id}")
    form = next(each for each in desk.page.forms if each.action.endswith("/settle"))
    assert desk.submit(form, how="burnt").status == 404


def test_pages(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        for nth in range(51):
            letters.put(session, team.bob, f"k{nth}", at=NOON - timedelta(minutes=nth))
    older = next(each for each in desk.get("/outbox").page.links if "before=" in each)
    assert "Next page" not in desk.get(older).page.text
    assert desk.response.text.count('class="first"') == 1


def test_every_page_says_so_until_messages_are_live(
    desk: Browser, database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = MessageSettings(live=True, host=socket.gethostname())
    for clinic, settings, said in (
        ({"demo": False, "live_at": NOON}, MessageSettings(), NOT_LIVE),
        ({"demo": True, "live_at": NOON}, here, TRIAL),
        ({"demo": False, "live_at": None}, here, TRIAL),
        ({"demo": False, "live_at": None}, MessageSettings(), NOT_LIVE),
        ({"demo": False, "live_at": NOON}, MessageSettings(live=True, host="elsewhere"), ELSEWHERE),
        ({"demo": False, "live_at": NOON}, here, None),
    ):
        with database.writing() as session:
            session.execute(update(Clinic).values(**clinic))
        monkeypatch.setattr(live, "_bound", [(settings, "")])
        for page in ("/outbox", "/alerts"):
            text = desk.get(page).page.text
            assert [words for words in (NOT_LIVE, TRIAL, ELSEWHERE) if words in text] == ([said] if said else []), page
