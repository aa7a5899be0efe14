"""Signing in through the pages: one message for every wrong try, a new session each time, nothing in the address."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from prom_server.services import staffing
from prom_server.store.database import Database
from prom_server.store.staff import StaffSession
from prom_server.web.guard import LAST_SEARCH
from tests import cast as people
from tests.cast import PASSWORD, Cast
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON

SAME_WORDS = "E-mail address and password do not fit together"

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        for who in (team.bob, team.ada):
            people.set_password(session, who, by=team.ada)
        return team


@pytest.fixture
def desk(database: Database, tmp_path: Path, team: Cast) -> Browser:
    return Browser(application(database, tmp_path))


def email(database: Database, who) -> str:
    with database.reading() as session:
        return people.email_of(session, who)


def sign_in(desk: Browser, name: str, password: str = PASSWORD) -> Browser:
    return desk.get("/sign-in").submit(email=name, password=password)


def test_home_asks_for_a_sign_in_and_then_shows_today(desk: Browser, database: Database, team: Cast) -> None:
    assert desk.get("/").path == "/sign-in"
    assert sign_in(desk, email(database, team.bob)).path == "/today"
    assert "Harbour Street Pain Clinic" in desk.page.text
    assert "Demo clinic, synthetic data" in desk.page.text


def test_an_administrator_lands_on_the_settings(desk: Browser, database: Database, team: Cast) -> None:
    assert sign_in(desk, email(database, team.ada)).path == "/settings"


def test_one_answer_for_every_wrong_try(desk: Browser, database: Database, team: Cast) -> None:
    texts = []
    for name in (email(database, team.bob), email(database, team.cora), "nobody@example.org"):
        sign_in(desk, name, "wrong")
        assert desk.status == 422
        assert SAME_WORDS in desk.page.text
        texts.append(desk.response.text.split("csrf_token")[0].replace(name, "")[:3000])
    assert len(set(texts)) == 1


def test_the_name_stays_and_the_password_does_not(desk: Browser, team: Cast) -> None:
    sign_in(desk, "nobody@example.org", "a secret of mine")
    assert 'value="nobody@example.org"' in desk.response.text
    assert "a secret of mine" not in desk.response.text


def test_the_sixth_try_is_told_to_wait(desk: Browser, database: Database, team: Cast) -> None:
    for _ in range(5):
        sign_in(desk, email(database, team.bob), "wrong")
    assert sign_in(desk, email(database, team.bob)).status == 429
    assert "wait 15 minutes" in desk.page.text


def test_a_sign_in_begins_a_new_session(desk: Browser, database: Database, team: Cast) -> None:
    """Session fixation: what was in the cookie before is gone."""
    with desk.client.session_transaction() as held:
        held["staff"], held["patients"] = "planted", "Specimen"
    sign_in(desk, email(database, team.bob))
    with desk.client.session_transaction() as held:
        assert held["staff"] != "planted"
        assert "patients" not in held


def test_signing_out_ends_it_on_the_server(desk: Browser, database: Database, team: Cast) -> None:
    sign_in(desk, email(database, team.bob))
    with desk.client.session_transaction() as held:
        token = held["staff"]
    form = next(form for form in desk.page.forms if form.action == "/sign-out")
    assert desk.submit(form).path == "/sign-in"
    assert "You are signed out" in desk.page.text
    with database.reading() as session:
        assert session.scalars(select(StaffSession.ended_at)).one() == NOON
    with desk.client.session_transaction() as held:
        held["staff"] = token
    assert desk.get("/today").path == "/sign-in"


def test_fifteen_idle_minutes(desk: Browser, database: Database, team: Cast, noon) -> None:
    sign_in(desk, email(database, team.bob))
    for _ in range(3):
        noon.shift(timedelta(minutes=14))
        assert desk.get("/today").path == "/today"  # each page counts
    desk.get("/patients").submit(next(each for each in desk.page.forms if "q" in each.fields), q="Specimen")
    with desk.client.session_transaction() as held:
        assert held[LAST_SEARCH] == "Specimen"
    noon.shift(timedelta(minutes=15, seconds=1))
    assert desk.get("/today").path == "/sign-in"
    with desk.client.session_transaction() as held:
        assert LAST_SEARCH not in held  # the cookie can be read


def test_setting_a_password(desk: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        link = staffing.new_password_link(session, team.cora.public_id, by=team.ada, at=NOON)
    path = f"/set-password/{link.token}"
    for _ in range(3):
        assert desk.get(path).status == 200  # looking uses nothing up
    assert desk.submit(password="short", again="short").status == 422
    assert "at least 12 characters" in desk.page.text
    assert "short" not in {form.fields.get("password") for form in desk.page.forms}
    assert desk.submit(password="a long enough one", again="another").status == 422
    assert desk.submit(password="a long enough one", again="a long enough one").path == "/sign-in"
    assert "Your password is set" in desk.page.text
    assert desk.get(path).status == 409
    assert sign_in(desk, email(database, team.cora), "a long enough one").path == "/today"
    assert desk.get("/set-password/unknown").status == 404


def test_a_form_without_its_token_is_refused(desk: Browser, database: Database, team: Cast) -> None:
    assert desk.post("/sign-in", {"email": email(database, team.bob), "password": PASSWORD}).status == 400
    assert people.count(database, StaffSession) == 0


def test_a_form_sent_after_the_sign_out_loses_nothing(
    desk: Browser, database: Database, team: Cast, noon: time_machine.Traveller
) -> None:
    """Fifteen idle minutes, then Save: the entries are carried through the sign-in and sent by one more press."""
    sign_in(desk, email(database, team.bob)).get("/patients/new")
    form = next(each for each in desk.page.forms if "family_name" in each.fields)
    typed = {"given_name": "New", "family_name": "Arrival", "record_number": "D-77", "birth_date": "1970-01-31"}
    noon.shift(timedelta(minutes=16))
    desk.submit(form, **typed)
    assert desk.status == 401
    assert "What you typed is kept" in desk.page.text
    assert desk.submit(email=email(database, team.bob), password="wrong").status == 422
    desk.post("/sign-in", {**desk.page.form.fields, "email": email(database, team.bob), "password": PASSWORD})
    assert "What you typed is still here" in desk.page.text
    desk.submit()
    assert "Arrival" in desk.page.text
    assert desk.path.startswith("/patients/")


def test_what_is_carried_through_a_sign_in_goes_only_to_our_own_forms(
    desk: Browser, database: Database, team: Cast
) -> None:
    for to in ("https://elsewhere.example/", "//elsewhere.example", "/sign-in", "/answer/1/1", "/nothing"):
        desk.client.delete_cookie("prom")
        form = desk.get("/sign-in").page.form.fields
        name = email(database, team.bob)
        desk.post("/sign-in", {**form, "email": name, "password": PASSWORD, "carry-:to": to, "carry-x": "1"})
        assert desk.path == "/today"


def test_the_sign_in_leads_to_the_page_that_was_asked_for(desk: Browser, database: Database, team: Cast) -> None:
    assert desk.get("/follow-ups").path == "/sign-in"
    assert desk.submit(email=email(database, team.bob), password=PASSWORD).path == "/follow-ups"
