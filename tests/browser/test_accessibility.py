"""Every page of a patient, on a phone, on a desk and on a tablet, in both languages, all colours and the largest text.

axe finds nothing, nothing scrolls sideways, one heading, one main, no name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import BrowserContext
from sqlalchemy import select, update

from prom_server.core.permissions import Role
from prom_server.core.preferences import Preferences
from prom_server.resources import directory
from prom_server.services import accounts, catalogue, invitations, visits
from prom_server.store import database as store
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation
from prom_server.store.kiosks import Device
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from prom_server.web import errors
from tests.support import clinic
from tests.support.browsing import application
from tests.support.clinic import NOON, TYPED_DATE
from tests.support.databases import only_sqlite
from tests.support.inspector import Inspector
from tests.support.tablet_browser import COOKIE, ClinicWithTablet

pytestmark = [pytest.mark.browser, only_sqlite]


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Flask:
    return application(database, tmp_path)


# What was chosen: each page is looked at in the other colours and with the largest text too.
LOOKS = {"English": Preferences("en", "normal", "light"), "Spanish": Preferences("es", "large", "dark")}


@pytest.fixture(params=LOOKS)
def chosen(request: pytest.FixtureRequest) -> Preferences:
    return LOOKS[request.param]


@pytest.fixture
def inspector(browser_context: BrowserContext, app: Flask, chosen: Preferences) -> Iterator[Inspector]:
    """A browser that asks for the language; nobody has chosen anything in it."""
    looking = Inspector(browser_context, app)
    looking.browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = chosen.language
    looking.looks = nothing_chosen(chosen)
    yield looking
    browser_context.unroute_all(behavior="ignoreErrors")  # a page that was fetched ahead may still be on its way


def nothing_chosen(chosen: Preferences) -> Preferences:
    return Preferences(chosen.language)


def choose(inspector: Inspector, database: Database, chosen: Preferences) -> None:
    """In this browser, and kept with the patient."""
    inspector.looks = chosen
    with inspector.browser.client.session_transaction() as held:
        held["display"] = asdict(chosen)
    with database.writing() as session:
        session.execute(update(Patient).values(**asdict(chosen)))


@pytest.fixture
def alice(database: Database) -> clinic.Invited:
    """Of a clinic that shows results."""
    clinic.bind_definitions()
    with database.writing() as session:
        by = clinic.member(session, clinic.clinic(session))
        made = clinic.invited(session, by, protocol=clinic.DEFAULT)
        session.execute(update(Clinic).values(results_shown=True))
        return made


@pytest.mark.timeout(300)
def test_a_visit(
    inspector: Inspector, alice: clinic.Invited, noon: time_machine.Traveller, database: Database, chosen: Preferences
) -> None:
    """Every kind of page on the way, in the order of the way; and the results at its end."""
    choose(inspector, database, chosen)
    phone = inspector.browser
    inspector.look("link", phone.get(f"/a/{alice.token}"))
    inspector.look("not a date", phone.submit(month="3", day="x", year="1968"))
    inspector.look("wrong date", phone.submit(**{**TYPED_DATE, "day": "13"}))
    inspector.look("welcome", phone.submit(**TYPED_DATE))
    inspector.look("step", phone.submit())
    old_tab = phone.page.form
    inspector.look("nothing chosen", phone.submit())
    inspector.look("skip", phone.get("/answer/1/1").submit(go="skip"))
    inspector.look("step after a skip", phone.submit(go="skip-confirmed").get("/answer/1/1"))
    inspector.look("two answers, the stored one skipped", phone.submit(old_tab, value="5"))
    inspector.look("two answers", phone.answer(5).submit(old_tab, value="1"))
    phone.get("/answer/go-on")
    while not phone.path.endswith("/29"):
        phone.answer(2)
    inspector.look("step of eleven options", phone)
    inspector.look("review without missing", phone.answer(7))
    inspector.look("break after a part", phone.submit())
    assert phone.path.endswith("/break")
    phone.get("/answer/go-on")
    inspector.look("step of the second part", phone)
    inspector.look("rather not answer", phone.get("/answer/2/decline"))
    phone.get("/answer/go-on")
    phone.submit(go="skip").submit(go="skip-confirmed")
    while not phone.path.endswith("/help"):
        phone.answer(1)
    inspector.look("help", phone)
    inspector.look("help, call asked for", phone.submit())
    inspector.look("welcome back", phone.get("/answer"))
    phone.get("/answer/2/10").submit(go="skip").submit(go="skip-confirmed")
    inspector.look("review with missing", phone.get("/answer/2/review"))
    phone.submit()
    inspector.look("already sent", phone.get("/answer/1/1"))
    form = phone.get("/answer/go-on").page.form
    inspector.look("no such answer", phone.submit(form, value="99"))
    noon.shift(timedelta(minutes=31))
    inspector.look("an idle session, with an answer on its way", phone.submit(form, value="1"))
    inspector.look("resume, wrong date", phone.submit(**{**TYPED_DATE, "day": "13"}))
    inspector.look("resume", phone.get("/resume"))
    phone.submit(**TYPED_DATE).submit()
    while phone.path != "/answer/thanks":
        if phone.path.endswith("/break"):
            phone.get("/answer/go-on")
        else:
            phone.submit() if phone.path.endswith("/review") else phone.answer(1)
    inspector.look("thanks", phone)
    inspector.look("left", phone.submit())
    inspector.looks = nothing_chosen(chosen)  # nothing of it remains in the browser
    inspector.look("link, everything answered", phone.get(f"/a/{alice.token}"))
    inspector.look("no session", phone.get("/answer"))
    results = f"/a/{alice.token}/results"
    inspector.look("results, the birth date", phone.get(results))
    inspector.look("results, no date", phone.submit())
    inspector.looks = chosen  # the patient's own again
    inspector.look("no results yet", phone.get(results).submit(**TYPED_DATE))
    with database.writing() as session:
        session.execute(update(Assessment).values(results_shared_at=NOON + timedelta(hours=1), results_seen=1_000_000))
    inspector.look("results", phone.get(results).submit(**TYPED_DATE))
    inspector.assert_fine()


@pytest.mark.timeout(300)
def test_links_that_open_nothing(
    inspector: Inspector, alice: clinic.Invited, noon: time_machine.Traveller, database: Database, chosen: Preferences
) -> None:
    """Superseded, closed, locked, not open yet, unknown."""
    choose(inspector, database, chosen)
    with database.writing() as session:
        row = session.scalars(select(Staff).where(Staff.role == Role.CLINICIAN)).one()
        by = accounts.member(row, session.get_one(Clinic, row.clinic_id))
        newer = invitations.issue(session, alice.assessment, by=by, at=NOON).token
        session.execute(
            update(Invitation)
            .where(Invitation.superseded_at.is_not(None))
            .values(superseded_at=NOON - timedelta(days=31))
        )
    inspector.look("superseded", inspector.browser.get(f"/a/{alice.token}"))
    reminders = inspector.browser.get(f"/a/{newer}/reminders")
    inspector.look("reminders", reminders)
    inspector.look("reminders, no date", reminders.submit())
    inspector.look("reminders stopped", reminders.submit(**TYPED_DATE, reminders="off"))
    phone = inspector.browser.get(f"/a/{newer}")
    wrong = phone.page.form
    for _ in range(5):
        phone.submit(wrong, **{**TYPED_DATE, "day": "13"})
    inspector.look("the last wrong date", phone)
    inspector.look("locked", phone.get(f"/a/{newer}").submit(**TYPED_DATE))
    with database.writing() as session:
        session.execute(update(Assessment).values(opens_on=NOON.date() + timedelta(days=9)))
    inspector.look("not open yet", phone.get(f"/a/{newer}"))
    noon.shift(timedelta(days=200))
    inspector.looks = nothing_chosen(chosen)  # the browser's session is over
    inspector.look("closed", phone.get(f"/a/{newer}"))
    inspector.look("unknown", phone.get("/a/nothing"))
    inspector.assert_fine()


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database answers nothing for a while."""

    def refuse(*_facts: object) -> None:
        raise store.DatabaseUnavailable("for a test")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing", contextmanager(refuse))
        patch.setattr(Database, "reading", contextmanager(refuse))
        yield


EVENTS = ("AlreadySubmitted", "AssessmentClosed", "DefinitionMissing", "LicenceMissing", "Other")


def test_error_pages(
    inspector: Inspector,
    alice: clinic.Invited,
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    chosen: Preferences,
) -> None:
    choose(inspector, database, chosen)
    phone = inspector.browser.begin(alice.token)
    form = phone.page.form
    with away(monkeypatch):
        inspector.look("503, an answer", phone.submit(form, value="1"))
        inspector.look("503, a page", phone.get("/answer/1/1"))
    inspector.look("400", phone.submit(form, csrf_token=""))
    inspector.look("413", phone.submit(form, more="x" * 300_000))
    inspector.look("404", phone.get("/nowhere"))
    inspector.look("405", phone.post("/answer/thanks", {"csrf_token": form.fields["csrf_token"]}))
    inspector.looks = nothing_chosen(chosen)
    with inspector.browser.client.application.test_request_context(
        "/answer", headers={"Accept-Language": chosen.language}
    ):
        for name in ("unexpected", "bad_request", "no_report", "not_allowed", "invalid_answer", "another_visit"):
            inspector.show(name, str(errors.page(name, 500)[0]))
        for event in EVENTS:
            inspector.show(event, str(errors.page("refused", 409, event=event)[0]))
    inspector.assert_fine()


def test_every_error_template_is_looked_at(database_kind: str) -> None:
    """A new one has to be added above."""
    known = {"unexpected", "bad_request", "no_report", "not_allowed", "invalid_answer", "refused", "unavailable"}
    known |= {"stale_form", "too_large", "not_found", "no_session", "another_visit"}
    assert {path.stem for path in (directory("templates") / "error").glob("*.html")} - {"base"} == known
    refusals = {kind.__name__ for kind in visits.LinkRefused.__subclasses__()}
    assert refusals == {"LinkSuperseded", "LinkClosed", "LinkCompleted", "LinkNotOpen", "LinkLocked"}


# ---- The clinic's tablet


@pytest.fixture
def desk(database: Database, chosen: Preferences) -> ClinicWithTablet:
    made = ClinicWithTablet(database, 1)
    with database.writing() as session:
        session.execute(update(Device).values(language=chosen.language))
        session.execute(update(Patient).values(**asdict(chosen)))
    return made


def test_a_tablet(
    inspector: Inspector, desk: ClinicWithTablet, noon: time_machine.Traveller, chosen: Preferences
) -> None:
    """From the waiting tablet to the thanks, with everything that may come between."""
    tablet = inspector.browser
    tablet.client.set_cookie(COOKIE, desk.credential)
    inspector.look("waiting", tablet.get("/kiosk"))
    inspector.look("six numbers", tablet.get("/kiosk/code"))
    inspector.look("not six numbers", tablet.submit(code="12"))
    inspector.look("wrong numbers", tablet.submit(code="000000"))
    desk.hand_over(desk.people[0])
    inspector.look("birth date", tablet.get("/kiosk"))
    inspector.look("not a date", tablet.submit(month="x"))
    inspector.look("wrong date", tablet.submit(**{**TYPED_DATE, "day": "13"}))
    inspector.looks = chosen  # from now on the patient's
    inspector.look("welcome", tablet.submit(**TYPED_DATE))
    inspector.look("step", tablet.submit())
    noon.shift(timedelta(seconds=91))
    inspector.look("cover", tablet.get("/answer/1/1"))
    inspector.look("still here", tablet.get("/kiosk/here"))
    tablet.submit(**TYPED_DATE)
    inspector.look("stop", tablet.get("/kiosk/stop"))
    tablet.get("/answer/go-on")
    while not tablet.path.endswith("/help"):
        tablet.answer(1)
    inspector.look("help", tablet)
    inspector.look("help, somebody is asked to come", tablet.submit())
    tablet.get("/answer/1/10").answer(1)
    inspector.look("review", tablet)
    tablet.submit().answer_until_review(1).submit()
    inspector.look("thanks", tablet)
    inspector.looks = nothing_chosen(chosen)
    for _ in range(4):
        tablet.get("/kiosk/code").submit(code="000000")
    inspector.look("locked", tablet.get("/kiosk"))
    inspector.assert_fine()


def test_several_questions_on_one_screen(
    inspector: Inspector, desk: ClinicWithTablet, monkeypatch: pytest.MonkeyPatch, chosen: Preferences
) -> None:
    shipped = catalogue.protocol
    monkeypatch.setattr(catalogue, "protocol", lambda *which: replace(shipped(*which), items_per_screen=3))
    tablet = inspector.browser
    tablet.client.set_cookie(COOKIE, desk.credential)
    tablet.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)"
    desk.hand_over(desk.people[0])
    inspector.looks = chosen
    inspector.look("three questions", tablet.get("/kiosk").submit(**TYPED_DATE).submit())
    assert tablet.response.text.count("<fieldset class=") == 3
    inspector.look("one of three answered", tablet.submit(**{"value-1": "2"}))
    inspector.assert_fine()
