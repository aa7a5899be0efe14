"""Records of one person made one, and answers given to the patient whose they are, as staff do it."""

import re
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from prom_server.services import corrections
from prom_server.store.assessments import Administration
from prom_server.store.database import Database
from prom_server.store.imports import Merge
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def second(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.patient(
            session, team.cora, "Alise", "Specimen", number="OLD-1", born=date(1986, 3, 12), phone=None
        )


def browser(app: Flask, database: Database, who) -> FlaskClient:
    """Each answer as it is, no redirect followed."""
    app.config["WTF_CSRF_ENABLED"] = False
    return signed_in(app, database, who).client


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_two_records_are_compared_made_one_and_parted(app: Flask, database: Database, team: Cast, second: str) -> None:
    desk = browser(app, database, team.cora)
    find = f"/patients/{team.alice}/same-person"
    assert find in desk.get(f"/patients/{team.alice}").text
    assert "Nobody. Records that may be the same person" in desk.get(find).text
    compare = f"/patients/{team.alice}/merge?with={second}"
    page = desk.post(find, data={"q": "OLD-1"}).text
    assert compare.replace("&", "&amp;") in page
    page = desk.get(compare).text
    assert "They ask for the date of birth of the record that is kept." in page
    assert "The dates of birth differ" in page
    assert re.search(r'name="take_phone" value="kept" checked', page)
    page = desk.post(compare, data={"take_name": "gone"})
    assert page.status_code == 422
    assert "Please confirm that it is one person." in words(page.text)
    assert re.search(r'name="take_name" value="gone" checked', page.text)
    assert desk.post(compare, data={"take_name": "gone", "although": "y"}).status_code == 303
    assert "Alise Specimen" in desk.get(f"/patients/{team.alice}").text
    assert desk.get(f"/patients/{second}").location == f"/patients/{team.alice}"
    page = words(desk.get(find).text)
    assert "Specimen , OLD-1" in page
    with database.reading() as session:
        undo = f"/merges/{session.scalars(select(Merge.public_id)).one()}/undo"
    assert undo in desk.get(find).text
    assert "It stays with Alise Specimen, DEMO-1: nothing." in words(desk.get(undo).text)
    assert desk.post(undo).status_code == 303
    assert "Alice Specimen" in desk.get(f"/patients/{team.alice}").text
    assert desk.get(f"/patients/{second}").status_code == 200
    assert "parted these two records meanwhile" in desk.post(undo).text


def test_what_stands_in_the_way_is_said_instead_of_a_button(
    app: Flask, database: Database, team: Cast, second: str
) -> None:
    with database.writing() as session:
        people.start(session, team)
        people.start(session, team, patient_id=second)
    page = browser(app, database, team.cora).get(f"/patients/{second}/merge?with={team.alice}").text
    assert "Both have a course that is not finished." in page
    assert "Make them one" not in page


def test_only_an_id_of_this_clinic_is_compared(app: Flask, database: Database, team: Cast) -> None:
    desk = browser(app, database, team.cora)
    assert desk.get(f"/patients/{team.alice}/merge").location.endswith("/same-person")
    for other in (team.charlies, "0" * 20, "../x"):
        assert desk.get(f"/patients/{team.alice}/merge?with={other}").status_code == 404, other
    assert desk.get(f"/patients/{team.alice}/merge?with={team.alice}").status_code == 409


@pytest.fixture
def wrong(database: Database, team: Cast) -> tuple[str, str, str]:
    """Alice's PHQ-9 that was Alise's: its id, Alise's, and the baseline that it belongs to."""
    with database.writing() as session:
        alise = people.patient(session, team.cora, "Alise", "Other", number="NEW-1")
        course = people.start(session, team, patient_id=alise)
        people.submit_part(session, people.answer_part(session, people.start(session, team), team.bob, 2))
        answers = session.scalars(select(Administration.public_id).order_by(Administration.id)).first()
        corrections.mark_in_error(session, answers, "They are Alise's.", by=team.bob, at=NOON)
        return answers, alise, clinic.assessment_of(session, course, "baseline")


def test_answers_are_given_to_the_patient_whose_they_are(
    app: Flask, database: Database, team: Cast, wrong: tuple[str, str, str]
) -> None:
    _answers, alise, place = wrong
    bob, choose = browser(app, database, team.bob), f"/answers/{wrong[0]}/re-assign"
    assert choose in bob.get(f"/patients/{team.alice}/answers").text
    assert f"{choose}?to={alise}" in bob.post(choose, data={"q": "NEW-1"}).text
    confirm = f"{choose}/confirm?to={alise}&place={place}"
    assert confirm.replace("&", "&amp;") in bob.get(f"{choose}?to={alise}").text
    page = words(bob.get(confirm).text)
    assert "Not of Alice Specimen , DEMO-1: Baseline" in page
    assert "But of Alise Other , NEW-1: Baseline" in page
    assert bob.post(confirm).status_code == 422
    assert bob.post(confirm, data={"sure": "yes"}).location == f"/patients/{alise}/answers"
    page = words(bob.get(f"/patients/{alise}/answers").text)
    assert "The answers belong to this patient now." in page
    assert "9 of 9" in page
    assert bob.post(confirm, data={"sure": "yes"}).status_code == 409
    with database.reading() as session:
        assert session.scalars(select(Patient.public_id).where(Patient.record_number == "NEW-1")).one() == alise


def test_no_place_is_said_and_the_desk_may_not(
    app: Flask, database: Database, team: Cast, wrong: tuple[str, str, str], second: str
) -> None:
    choose = f"/answers/{wrong[0]}/re-assign"
    cora = browser(app, database, team.cora)
    assert cora.get(choose).status_code == 403
    assert choose not in cora.get(f"/patients/{team.alice}/answers").text
    bob = browser(app, database, team.bob)
    assert "None. Assessments of this patient that have opened and lack PHQ-9" in bob.get(f"{choose}?to={second}").text
    assert bob.get(f"{choose}/confirm?to={wrong[1]}&place={'0' * 20}").status_code == 409
