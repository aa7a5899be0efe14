"""How a patient is reached and what stops, as the desk sees it; patients found, and added once."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from prom_server.store.assessments import Assessment
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def desk(app: Flask, database: Database, team: Cast) -> FlaskClient:
    """Cora's browser: each answer as it is, no redirect followed."""
    app.config["WTF_CSRF_ENABLED"] = False
    return signed_in(app, database, team.cora).client


def words(text: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def contact_page(team: Cast) -> str:
    return f"/patients/{team.alice}/contact"


def new_address(desk: FlaskClient, team: Cast, kind: str, address: str, **more: str):
    return desk.post(contact_page(team), data={"kind": kind, "act": "new", f"{kind}-address": address, **more})


def press(desk: FlaskClient, team: Cast, kind: str, act: str):
    return desk.post(contact_page(team), data={"kind": kind, "act": act})


def test_the_desk_records_an_address_and_its_consent_and_mends_an_undeliverable_one(
    desk: FlaskClient, database: Database, team: Cast
) -> None:
    assert "No reminders: no e-mail address and no mobile number" in words(desk.get(f"/patients/{team.alice}").text)
    new_address(desk, team, "email", "Alice@Example.org")
    page = desk.get(contact_page(team))
    assert "Has not agreed to messages here" in page.text
    press(desk, team, "email", "consent")
    page = words(desk.get(f"/patients/{team.alice}").text)
    assert "alice@example.org Agreed today 12:00, recorded by Cora Example" in page
    assert "No reminders:" not in page
    with database.writing() as session:
        session.execute(update(Channel).values(undeliverable_at=NOON, undeliverable_reason="550"))
    assert "No reminders: undeliverable" in words(desk.get(f"/patients/{team.alice}").text)
    assert "Address is right, try again" in desk.get(contact_page(team)).text
    press(desk, team, "email", "try-again")
    assert "Undeliverable" not in desk.get(contact_page(team)).text
    new_address(desk, team, "email", "alice@example.com", **{"email-consent": "y"})
    press(desk, team, "email", "no-consent")
    assert "Has not agreed to messages here" in desk.get(contact_page(team)).text
    press(desk, team, "email", "remove")
    assert "alice@example.com" not in desk.get(contact_page(team)).text


def test_what_was_typed_survives_a_refusal_and_no_other_form_is_touched(desk: FlaskClient, team: Cast) -> None:
    page = new_address(desk, team, "sms", "07700 900123", **{"sms-consent": "y"})
    assert page.status_code == 422
    assert 'value="07700 900123"' in page.text
    assert re.search(r'name="sms-consent" value="y" checked', page.text)
    assert not re.search(r'name="email-consent" value="y" checked', page.text)
    assert "Please give + and the country code" in page.text
    page = desk.post(f"/patients/{team.alice}/calls", data={"best_time": "x" * 61, "may_leave_message": "no"})
    assert page.status_code == 422
    assert "x" * 61 in page.text
    assert re.search(r'value="no" checked', page.text)


@pytest.mark.parametrize("fields", [{}, {"kind": "fax", "act": "new"}, {"kind": "email", "act": "sell"}])
def test_an_unknown_kind_or_act_is_no_page(desk: FlaskClient, team: Cast, fields: dict[str, str]) -> None:
    assert desk.post(contact_page(team), data=fields).status_code == 404


def test_how_to_ring_is_kept_and_not_asked_stays_apart_from_no(desk: FlaskClient, team: Cast) -> None:
    assert "not asked whether a message may be left" in desk.get(f"/patients/{team.alice}").text
    desk.post(f"/patients/{team.alice}/calls", data={"best_time": "after 5 pm", "may_leave_message": "no"})
    page = words(desk.get(f"/patients/{team.alice}").text)
    assert "best after 5 pm, no message may be left" in page
    assert re.search(r'value="no" checked', desk.get(contact_page(team)).text)


def test_withdrawing_says_what_stops_then_stops_it_and_is_taken_back(
    desk: FlaskClient, app: Flask, database: Database, team: Cast
) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        baseline = clinic.assessment_of(session, course, "baseline")
        link = people.invitations.issue(session, baseline, by=team.cora, at=NOON).token
    page = desk.get(f"/patients/{team.alice}/withdraw")
    unfinished = people.count(database, Assessment, Assessment.cancelled_at.is_(None))
    assert f"{unfinished} assessments that are not finished are cancelled." in page.text
    assert desk.post(f"/patients/{team.alice}/withdraw", data={"reason": " "}).status_code == 422
    assert desk.post(f"/patients/{team.alice}/withdraw", data={"reason": "Moved away"}).status_code == 303
    page = words(desk.get(f"/patients/{team.alice}").text)
    assert "Withdrew today 12:00 Moved away. Nothing is asked any more" in page
    assert "Link for" not in page
    refused = app.test_client().get(f"/a/{link}")
    assert refused.status_code == 410
    assert "These questions are closed." in refused.text
    assert "ithdr" not in refused.text
    page = desk.post(f"/patients/{team.alice}/courses/new", data={"protocol": clinic.FREE, "starts_on": "2026-11-24"})
    assert page.status_code == 422
    assert "This patient withdrew or has died" in page.text
    assert "This is recorded already." in desk.post(f"/patients/{team.alice}/withdraw", data={"reason": "Again"}).text
    assert desk.post(f"/patients/{team.alice}/resume", data={"what": "withdrawn"}).status_code == 303
    assert "Withdrew" not in desk.get(f"/patients/{team.alice}").text
    assert app.test_client().get(f"/a/{link}").status_code == 200


def test_a_death_needs_a_day_that_can_be(desk: FlaskClient, team: Cast) -> None:
    for day in ("", "2026-13-01", "2026-11-24", "1968-03-11"):
        page = desk.post(f"/patients/{team.alice}/deceased", data={"died_on": day})
        assert page.status_code == 422, day
    assert "in the future, or before the date of birth" in page.text
    assert desk.post(f"/patients/{team.alice}/deceased", data={"died_on": "2026-11-23"}).status_code == 303
    assert "Died on Mon 23 Nov 2026" in words(desk.get(f"/patients/{team.alice}").text)
    assert "Deceased" in desk.get("/patients?show=stopped").text


def test_somebody_like_a_patient_who_is_there_is_shown_before_another_is_added(
    desk: FlaskClient, database: Database, team: Cast
) -> None:
    typed = {"record_number": "new-1", "given_name": "Alise", "family_name": "Specimen", "birth_date": "1968-03-12",
             "phone": "(303) 555-0199", "address": "1 Long Road\nTown"}  # fmt: skip
    page = desk.post("/patients/new", data=typed)
    assert page.status_code == 422
    assert f'href="/patients/{team.alice}"' in page.text
    for value in ("new-1", "Alise", "1968-03-12", "(303) 555-0199", "1 Long Road\nTown"):
        assert value in page.text
    assert people.count(database, Patient, Patient.family_name == "Specimen") == 1
    assert desk.post("/patients/new", data={**typed, "anyway": "y"}).status_code == 303
    assert people.count(database, Patient, Patient.family_name == "Specimen") == 2


def test_the_lists_say_who_is_on_them_and_keep_the_search(desk: FlaskClient, team: Cast) -> None:
    desk.post("/patients", data={"q": "specimen"})
    for show, empty in [
        ("in_course", "from the start of a course"),
        ("undeliverable", "comes back"),
        ("stopped", "die"),
    ]:
        page = desk.get(f"/patients?show={show}").text
        assert empty in page
        assert "Specimen, Alice" not in page
    assert 'value="specimen"' in desk.get("/patients").text
    assert desk.get("/patients?show=other").status_code == 404


def test_a_merged_record_leads_to_the_one_that_is_kept(desk: FlaskClient, database: Database, team: Cast) -> None:
    with database.writing() as session:
        gone = people.patient(session, team.cora, number="B-2")
        kept = session.scalars(select(Patient.id).where(Patient.public_id == team.alice)).one()
        session.execute(update(Patient).where(Patient.public_id == gone).values(merged_into_id=kept))
    for path in ("", "/edit", "/contact", "/answers"):
        page = desk.get(f"/patients/{gone}{path}")
        assert (page.status_code, page.location) == (303, f"/patients/{team.alice}"), path
    page = desk.post(
        f"/patients/{gone}/contact", data={"kind": "email", "act": "new", "email-address": "a@example.org"}
    )
    assert page.status_code == 409
    assert people.count(database, Patient, Patient.best_time.is_not(None)) == 0
