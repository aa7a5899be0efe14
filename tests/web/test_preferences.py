"""Text, colours and language without scripts: a form that comes back, and choices that follow the patient."""

import re
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from prom_server.services import invitations
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import PASSWORD
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON, TYPED_DATE, Invited
from tests.support.pages import Form
from tests.support.tablet_browser import COOKIE, ClinicWithTablet

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Flask:
    return application(database, tmp_path)


@pytest.fixture
def phone(app: Flask, alice: Invited) -> Browser:
    return Browser(app)


def look(browser: Browser) -> tuple[str, ...]:
    """Language, theme and size of the page."""
    found = re.search(r'<html lang="(\w+)" dir="ltr" data-theme="(\w+)" data-text="(\w+)">', browser.response.text)
    assert found
    return found.groups()


def choose(browser: Browser, **choice: str) -> Browser:
    return browser.submit(next(form for form in browser.page.forms if form.action == "/preferences"), **choice)


def kept(database: Database) -> tuple[str, str, str]:
    with database.reading() as session:
        row = session.scalars(select(Patient)).one()
        return row.language, row.contrast, row.text_size


def test_the_panel_comes_back_to_the_same_page(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token)
    assert look(phone) == ("en", "auto", "normal")
    choose(phone, contrast="contrast")
    assert (phone.path, look(phone)) == ("/answer/1/1", ("en", "contrast", "normal"))
    choose(phone, text_size="largest")
    assert (phone.path, look(phone)) == ("/answer/1/1", ("en", "contrast", "largest"))
    assert 'value="largest" aria-pressed="true"' in phone.response.text
    assert 'value="normal" aria-pressed="false"' in phone.response.text
    assert kept(database) == ("en", "contrast", "largest")


def test_what_is_chosen_before_the_birth_date_is_kept_with_the_patient_after_it(
    phone: Browser, alice: Invited, database: Database
) -> None:
    choose(phone.get(f"/a/{alice.token}"), language="es")
    assert (phone.path, look(phone)[0]) == (f"/a/{alice.token}", "es")
    choose(phone, contrast="dark")
    assert kept(database) == ("en", "auto", "normal")
    phone.submit(**TYPED_DATE)
    assert (phone.path, look(phone)) == ("/answer", ("es", "dark", "normal"))
    assert kept(database) == ("es", "dark", "normal")


def test_it_follows_from_one_device_to_another(phone: Browser, app: Flask, alice: Invited, database: Database) -> None:
    choose(choose(phone.begin(alice.token), text_size="large"), language="es")
    other = Browser(app)
    assert look(other.get(f"/a/{alice.token}")) == ("en", "auto", "normal")
    assert look(other.submit(**TYPED_DATE)) == ("es", "auto", "large")


def test_who_only_opens_the_link_changes_nothing_of_the_patient(
    phone: Browser, alice: Invited, database: Database
) -> None:
    choose(phone.get(f"/a/{alice.token}"), contrast="dark", language="es")
    assert kept(database) == ("en", "auto", "normal")


def test_a_choice_on_a_link_is_not_that_of_who_was_here_before(
    phone: Browser, alice: Invited, database: Database
) -> None:
    """Two people with one phone: the session of the first is still open when the second opens a link."""
    choose(phone.begin(alice.token).get(f"/a/{alice.token}"), contrast="dark")
    assert kept(database) == ("en", "auto", "normal")
    assert look(phone)[1] == "dark"


def test_what_was_on_its_way_is_not_left_behind(
    phone: Browser, alice: Invited, noon: time_machine.Traveller, database: Database
) -> None:
    """The page that carries an answer has no other button; the plain one has."""
    form = phone.begin(alice.token).page.form
    noon.shift(3600)
    phone.submit(form, value="1")
    assert phone.status == 401
    assert [each.action for each in phone.page.forms] == ["/resume"]
    phone.get("/resume")
    assert [each.action for each in phone.page.forms] == ["/resume", "/preferences"]
    assert look(choose(phone, language="es"))[0] == "es"
    assert phone.path == "/resume"
    phone.submit(**TYPED_DATE)
    assert (look(phone)[0], kept(database)[0]) == ("es", "es")


def test_an_idle_session_does_not_bring_back_old_choices(
    phone: Browser, app: Flask, alice: Invited, noon: time_machine.Traveller, database: Database
) -> None:
    choose(phone.begin(alice.token), contrast="dark")
    choose(Browser(app).begin(alice.token), contrast="light")
    noon.shift(3600)
    phone.get("/resume").submit(**TYPED_DATE)
    assert look(phone)[1] == kept(database)[1] == "light"


@pytest.mark.parametrize("back", ["//elsewhere.example/", "https://elsewhere.example/", "", "nowhere", "/answer/leave"])
def test_it_leads_to_pages_of_ours_only(phone: Browser, alice: Invited, back: str) -> None:
    choose(phone.begin(alice.token), back=back, contrast="dark")
    assert (phone.path, phone.status) == ("/answer", 200)


def test_without_a_session_it_is_kept_in_the_browser(phone: Browser, alice: Invited) -> None:
    token = phone.get(f"/a/{alice.token}").page.form.fields["csrf_token"]
    phone.post("/preferences", {"csrf_token": token, "back": "/answer", "contrast": "dark"})
    assert (phone.status, look(phone)[1]) == (401, "dark")


def test_a_form_from_elsewhere_is_refused(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token).post("/preferences", {"back": "/answer", "contrast": "dark"})
    assert (phone.status, kept(database)[1]) == (400, "auto")


@pytest.mark.parametrize("nonsense", [{"contrast": "pink"}, {"text_size": ""}, {"language": "de"}])
def test_what_is_no_choice_changes_nothing(phone: Browser, alice: Invited, nonsense: dict[str, str]) -> None:
    choose(phone.begin(alice.token), **nonsense)
    assert (phone.status, look(phone)) == (200, ("en", "auto", "normal"))


def test_for_the_script_it_says_how_the_page_looks(phone: Browser, alice: Invited) -> None:
    form = phone.begin(alice.token).page.forms[-1]
    phone.post("/preferences", {**form.fields, "contrast": "dark"}, headers={"Accept": "application/json"})
    assert phone.response.json == {"language": "en", "text_size": "normal", "contrast": "dark"}


def test_after_closing_nothing_of_it_remains_in_the_browser(phone: Browser, alice: Invited) -> None:
    choose(phone.begin(alice.token), language="es", contrast="dark")
    phone.answer_until_review(0).submit().answer_until_review(0).submit().submit()
    assert look(phone) == ("es", "dark", "normal")
    assert look(phone.get(f"/a/{alice.token}")) == ("en", "auto", "normal")


# ---- Staff


@pytest.fixture
def bob(app: Flask, database: Database) -> Browser:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.bob, by=team.ada)
        email = people.email_of(session, team.bob)
    desk = Browser(app)
    desk.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "es-MX,es;q=0.9"
    return desk.get("/sign-in").submit(email=email, password=PASSWORD)


DETAILS = {"record_number": "N-7", "given_name": "Rosa", "family_name": "Specimen", "birth_date": "1968-03-12"}


def test_staff_preset_it(bob: Browser, database: Database) -> None:
    bob.get("/patients/new").submit(bob.page.forms[-1], **DETAILS, language="es", text_size="large", contrast="dark")
    assert bob.status == 200
    with database.reading() as session:
        row = session.scalars(select(Patient).where(Patient.record_number == "N-7")).one()
        assert (row.language, row.text_size, row.contrast) == ("es", "large", "dark")
    bob.get(f"/patients/{row.public_id}/edit")
    assert '<option value="es" selected>' in bob.response.text
    bob.submit(bob.page.forms[-1], **DETAILS, language="en")  # a browser sends the others too; what is not sent stays
    with database.reading() as session:
        row = session.scalars(select(Patient).where(Patient.record_number == "N-7")).one()
        assert (row.language, row.text_size, row.contrast) == ("en", "large", "dark")
    bob.get(f"/patients/{row.public_id}/edit").submit(bob.page.forms[-1], **DETAILS, language="xx")
    assert bob.status == 422


def test_a_preset_and_a_choice_follow_from_tablet_to_phone_and_back(app: Flask, database: Database) -> None:
    """Staff preset large text in Spanish; on the tablet the patient chooses dark; the phone has all three."""
    desk = ClinicWithTablet(database, 1)
    with database.writing() as session:
        session.execute(update(Patient).values(language="es", text_size="large"))
        link = invitations.issue(session, desk.people[0].assessment, by=desk.by, at=NOON).token
    desk.hand_over(desk.people[0])
    tablet = Browser(app)
    tablet.client.set_cookie(COOKIE, desk.credential)
    tablet.get("/kiosk").submit(**TYPED_DATE)
    assert look(tablet) == ("es", "auto", "large")
    choose(tablet, contrast="dark")
    phone = Browser(app).open_link(link)
    assert look(phone) == ("es", "dark", "large")
    choose(phone, text_size="normal")
    assert look(tablet.get("/answer")) == ("es", "dark", "large")  # that session began before
    desk.hand_over(desk.people[0])
    tablet.get("/answer").submit(form_of(tablet.get("/kiosk/stop"), "/kiosk/stop"))
    assert look(tablet.get("/kiosk"))[1:] == ("auto", "normal")  # nothing of it in front of the next person
    tablet.submit(**TYPED_DATE)
    assert look(tablet) == ("es", "dark", "normal")


def form_of(browser: Browser, action: str) -> Form:
    return next(each for each in browser.page.forms if each.action == action)


def test_staff_read_english_whatever_the_browser_asks_for(bob: Browser) -> None:
    assert look(bob.get("/today")) == ("en", "light", "normal")
    assert "Follow-ups" in bob.page.text
    assert look(bob.get("/nowhere"))[0] == "en"
    assert bob.page.text.startswith("Not found")
