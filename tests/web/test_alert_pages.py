"""The pages of alerts: who takes care of one, who was told, lists, duties, waiting times."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from prom_server.services import alert_lists, alert_messages, catalogue, escalating
from prom_server.store.alerts import Alert
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.services.test_worsening import RULES, answer, follow, of
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def bob(app: Flask, database: Database, team: Cast) -> Browser:
    return signed_in(app, database, team.bob)


@pytest.fixture
def alert(database: Database, team: Cast) -> str:
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 2)
        return session.scalars(select(Alert.public_id)).one()


def form(browser: Browser, action: str):
    return next(each for each in browser.page.forms if each.action.endswith(action))


def takes_alerts(database: Database, *who: object) -> None:
    with database.writing() as session:
        for each in who:
            session.execute(update(Staff).where(Staff.id == each.id).values(alerts_by="email"))  # type: ignore[attr-defined]


def test_nobody_could_be_told(desk: Browser, alert: str) -> None:
    assert "Nobody could be told" in desk.get(f"/alerts/{alert}").page.text


def test_given_to_a_colleague(desk: Browser, bob: Browser, database: Database, team: Cast, alert: str) -> None:
    takes_alerts(database, team.bob)
    desk.get(f"/alerts/{alert}")
    assert desk.submit(form(desk, "/give"), to="").status == 422
    assert "Please fill this in" in desk.page.text
    desk.submit(form(desk, "/give"), to=team.bob.public_id)
    assert "Given to Bob Example by Cora Example" in desk.page.text
    assert "Today 12:00, Bob Example, by e-mail: waits to be sent" in desk.page.text
    assert "for Bob Example" in bob.get("/alerts?show=mine").page.text
    assert "None is yours" in desk.get("/alerts?show=mine").page.text
    assert desk.get("/alerts?show=all").status == 404


@pytest.mark.parametrize(
    ("act", "fields"), [("acknowledge", {}), ("resolve", {"code": "risk_assessed"}), ("give", {"to": "bob"})]
)
def test_a_form_says_what_its_page_showed(
    bob: Browser, database: Database, team: Cast, alert: str, act: str, fields: dict[str, str]
) -> None:
    found = (
        form(bob.get(f"/alerts/{alert}"), f"/{act}") if act != "acknowledge" else bob.get(f"/alerts/{alert}").page.form
    )
    given = {"csrf_token": found.fields["csrf_token"]} | fields | ({"to": team.bob.public_id} if act == "give" else {})
    assert bob.client.post(f"/alerts/{alert}/{act}", data=given).status_code in {409, 422}
    with database.reading() as session:
        row = session.scalars(select(Alert)).one()
        assert (row.acknowledged_at, row.resolved_at, row.owner_id) == (None, None, None)


def test_a_message_that_failed_is_on_the_page(desk: Browser, database: Database, team: Cast) -> None:
    takes_alerts(database, team.bob)
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 2)
        alert = session.scalars(select(Alert.public_id)).one()
        session.execute(update(Message).values(refused_at=NOON, reason="550"))
    text = desk.get(f"/alerts/{alert}").page.text
    assert "could not be delivered" in text
    assert "No message arrived for certain" in text
    assert "bob." not in text  # never where it went


def test_an_escalation_is_a_step(desk: Browser, database: Database, team: Cast, alert: str) -> None:
    assert "the next are told today 13:00" in desk.get(f"/alerts/{alert}").page.text
    with database.writing() as session:
        found = session.scalars(select(Alert.id)).one()
        escalating.escalate(session, found, at=NOON + timedelta(hours=1))
    assert "no message reached anybody" in desk.get(f"/alerts/{alert}").page.text


def test_resolved_ones_have_a_list(bob: Browser, alert: str) -> None:
    bob.get(f"/alerts/{alert}")
    bob.submit(form(bob, "/resolve"), code="risk_assessed")
    bob.get("/alerts?show=resolved")
    assert f"/alerts/{alert}" in bob.page.links
    assert "PHQ-9 item 9 answered 2" in bob.page.text


def test_the_next_page(desk: Browser, alert: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        first = session.scalars(select(Alert)).one()
        same = {
            name: getattr(first, name) for name in ("clinic_id", "patient_id", "administration_id", "item_id", "value")
        }
        session.add(Alert(**same, rule="another", level="alert", raised_at=NOON))
    monkeypatch.setattr(alert_lists, "PAGE", 1)
    desk.get("/alerts")
    following = next(link for link in desk.page.links if "after=" in link)
    assert following == f"/alerts?show=open&after={alert}"
    assert "First page" in desk.get(following).page.text
    assert not any("after=" in link for link in desk.page.links)


def test_what_made_it_worse_in_words(
    bob: Browser, database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch, noon: time_machine.Traveller
) -> None:
    found = catalogue.protocol
    monkeypatch.setattr(catalogue, "protocol", lambda *named: replace(found(*named), alerts=RULES))
    with database.writing() as session:
        course = people.start(session, team)
    answer(database, team, course, "baseline", of(8))
    follow(database, team, course, of(14))
    words = "PHQ-9 score 14, 6 higher than at baseline (threshold 5, Loewe 2004, to be confirmed)"
    assert words in bob.get("/alerts").page.text
    with database.reading() as session:
        alert = session.scalars(select(Alert.public_id)).one()
    assert words in bob.get(f"/alerts/{alert}").page.text
    assert "Alert: worse than at baseline" in bob.page.text
    assert words in bob.get(f"/patients/{team.alice}").page.text
    assert "diagnosis." in bob.get(f"/alerts/{alert}").page.text


def test_a_duty_is_entered_and_cancelled(desk: Browser, database: Database, team: Cast) -> None:
    takes_alerts(database, team.bob)
    desk.get("/on-call")
    assert "Nobody is on call now" in desk.page.text
    desk.submit(form(desk, "/on-call"), who=team.bob.public_id, begins_on="2026-11-23", begins_at="08:00",
                until_on="2026-11-23", until_at="07:00")  # fmt: skip
    assert desk.status == 422
    assert "This is before the duty begins" in desk.page.text
    desk.submit(form(desk, "/on-call"), who=team.bob.public_id, begins_on="2026-11-23", begins_at="08:00",
                until_on="2026-11-23", until_at="17:00")  # fmt: skip
    assert "On call now" in desk.page.text
    with database.reading() as session:
        assert alert_messages.arrangements(session, team.bob.clinic.id, at=NOON).on_call == team.bob.id
    desk.submit(form(desk, "/cancel"))
    assert "Nobody is on call now" in desk.page.text


def test_waiting_times_name_no_patient(desk: Browser, alert: str) -> None:
    desk.get(f"/alerts/{alert}")
    desk.get("/alerts/waiting-times")
    assert "1 of 1" in desk.page.text
    assert "Specimen" not in desk.page.text
    link = next(each for each in desk.page.links if "waiting-times.csv" in each)
    file = desk.client.get(link)
    header, row = file.text.splitlines()
    assert header.startswith("alert,instrument,rule,mode,raised_at,seen_at")
    assert row.startswith(
        f"{alert},phq-9,item-9,own_device,2026-11-23T12:00:00-07:00,2026-11-23T12:00:00-07:00,,,0.0,0.0,"
    )
    assert "alert-waiting-times-2026-08-25-2026-11-23.csv" in file.headers["Content-Disposition"]
    for wrong in ("first=2026-11-23&last=2026-11-01", "first=x&last=2026-11-01"):
        assert desk.get(f"/alerts/waiting-times?{wrong}").status == 422


def test_the_staff_page_shows_it_with_the_answer(desk: Browser, database: Database, team: Cast) -> None:
    """No job and no cache lies between the save and the page; across two processes see tests/browser."""
    with database.writing() as session:
        course = people.start(session, team)
    assert "No alert is open" in desk.get("/alerts").page.text
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 1)
    assert "PHQ-9 item 9 answered 1" in desk.get("/alerts").page.text
    assert "1 open alert" in desk.get("/patients").page.text
