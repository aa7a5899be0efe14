"""Every page, on a phone and on a desk: axe finds nothing, nothing scrolls sideways, one heading, one main, no name.

The pages come from the application in this process, so that every one of them can be had without waiting: a browser
without scripts walks there, and Chromium is shown what it sees.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import BrowserContext, Page, Route
from sqlalchemy import select, update

from prom_server.core.permissions import ClinicFacts, Role
from prom_server.core.preferences import Preferences
from prom_server.demo import cast
from prom_server.demo import clinic as demo
from prom_server.services import accounts, devices, invitations, staffing, visits
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.courses import Course, Infusion
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from prom_server.web import errors
from prom_server.web.guard import RULES, Access
from tests.support import axe, clinic, databases
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON, TYPED_DATE
from tests.support.databases import only_sqlite

pytestmark = [pytest.mark.browser, only_sqlite]

WIDTHS = (390, 1440)
PASSWORD = "a demo password"
ORIGIN = "http://localhost"
SHOWN = "/shown"
NOT_PAGES = {"static", "health.healthz", "report.score"}
NAMES = {name for person in cast.CAST for name in (person.given, person.family)} | {"Alice"}
MEASURE = """() => {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(
    (each) => each.getBoundingClientRect().right > root.clientWidth + 1);
  return {
    over: root.scrollWidth - root.clientWidth,
    wide: wide.slice(0, 3).map((each) => each.tagName + "." + each.className),
    h1: document.querySelectorAll("h1").length,
    main: document.querySelectorAll("main").length,
    looks: { language: root.lang, text_size: root.dataset.text, contrast: root.dataset.theme },
  };
}"""


class Inspector:
    """Shows pages to Chromium at each width and collects what is wrong with them."""

    def __init__(self, context: BrowserContext, app: Flask) -> None:
        self.browser = Browser(app)  # whose pages are shown
        self.html, self.headers = "", {}
        self.found: dict[str, list[str]] = {}
        self.seen: list[str] = []
        self.looks: Preferences | None = None  # of every page that is shown
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._said(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self._said(str(error)))
        context.route("**/*", self._serve)

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == SHOWN:
            route.fulfill(status=200, headers=self.headers, body=self.html)
            return
        with self.browser.client.get(path) as response:
            route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.data)

    def _said(self, words: str) -> None:
        self._note(self.seen[-1], f"console: {words}")

    def _note(self, name: str, *problems: str) -> None:
        if problems:
            self.found.setdefault(name, []).extend(problems)

    def look(self, name: str, shown_by: Browser | None = None) -> None:
        """At what this browser shows."""
        browser = shown_by or self.browser
        kept = {"Content-Type", "Content-Security-Policy"}
        self.headers = {key: value for key, value in browser.response.headers.items() if key in kept}
        self.show(name, browser.response.text)

    def show(self, name: str, html: str) -> None:
        self.html = html
        self.seen.append(name)
        self.page.goto(ORIGIN + SHOWN)
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 844})
            self._note(name, *self._measured(width), *self._heard(width))

    def _heard(self, width: int) -> list[str]:
        found = axe.violations(self.page)
        return [f"{width}: {found}"] if found else []

    def _measured(self, width: int) -> list[str]:
        facts: dict[str, Any] = self.page.evaluate(MEASURE)
        expected = asdict(self.looks) if self.looks else {}
        title = self.page.title()
        checks = {
            f"{width}: scrolls sideways by {facts['over']} px: {facts['wide']}": facts["over"] <= 0,
            f"looks like {facts['looks']}": not expected or facts["looks"] == expected,
            f"{width}: {facts['h1']} h1": facts["h1"] == 1,
            f"{width}: {facts['main']} main": facts["main"] == 1,
            f"title: {title!r}": bool(title.strip()) and not any(name in title for name in NAMES),
        }
        return [problem for problem, fine in checks.items() if not fine]

    def assert_fine(self) -> None:
        told = [f"{name}\n  " + "\n  ".join(problems) for name, problems in self.found.items()]
        if told:
            pytest.fail("\n\n".join(told), pytrace=False)


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Flask:
    return application(database, tmp_path)


@pytest.fixture
def inspector(browser_context: BrowserContext, app: Flask) -> Iterator[Inspector]:
    looking = Inspector(browser_context, app)
    yield looking
    browser_context.unroute_all(behavior="ignoreErrors")  # a page that was fetched ahead may still be on its way


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database answers nothing for a while."""
    from prom_server.store import database as store

    def refuse(*_facts: object) -> None:
        raise store.DatabaseUnavailable("for a test")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing", contextmanager(refuse))
        patch.setattr(Database, "reading", contextmanager(refuse))
        yield


# ---- The patient's pages


@pytest.fixture
def alice(database: Database) -> clinic.Invited:
    clinic.bind_definitions()
    with database.writing() as session:
        by = clinic.member(session, clinic.clinic(session))
        return clinic.invited(session, by, protocol=clinic.DEFAULT)


LOOKS = {
    "English, light": Preferences("en", "normal", "light"),
    "English, dark, largest": Preferences("en", "largest", "dark"),
    "Spanish, high contrast": Preferences("es", "normal", "contrast"),
    "Spanish, dark": Preferences("es", "normal", "dark"),
}


@pytest.fixture(params=LOOKS)
def looks(
    request: pytest.FixtureRequest, inspector: Inspector, alice: clinic.Invited, database: Database
) -> Preferences:
    """How the patient's pages look: chosen in the browser, and kept with the patient."""
    chosen = LOOKS[request.param]
    inspector.looks = chosen
    with inspector.browser.client.session_transaction() as held:
        held["display"] = asdict(chosen)
    with database.writing() as session:
        session.execute(update(Patient).values(**asdict(chosen)))
    return chosen


@pytest.mark.timeout(300)
def test_a_visit(
    inspector: Inspector, alice: clinic.Invited, noon: time_machine.Traveller, database: Database, looks: Preferences
) -> None:
    """Every kind of page on the way, in the order of the way."""
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
    inspector.looks = None  # nothing of it remains in the browser
    inspector.look("link, everything answered", phone.get(f"/a/{alice.token}"))
    inspector.look("no session", phone.get("/answer"))
    inspector.assert_fine()


def test_links_that_open_nothing(
    inspector: Inspector, alice: clinic.Invited, noon: time_machine.Traveller, database: Database, looks: Preferences
) -> None:
    """Superseded, closed, locked, not open yet, unknown."""
    with database.writing() as session:
        row = session.scalars(select(Staff).where(Staff.role == Role.CLINICIAN)).one()
        by = accounts.member(row, session.get_one(clinic.Clinic, row.clinic_id))
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
    inspector.looks = None  # the browser's session is over
    inspector.look("closed", phone.get(f"/a/{newer}"))
    inspector.look("unknown", phone.get("/a/nothing"))
    inspector.assert_fine()


FACTS = ClinicFacts(
    1, "0" * 20, "Harbour Street Pain Clinic", True, "America/Denver", "(303) 555-0142", "weekdays", "A4"
)
EVENTS = ("AlreadySubmitted", "AssessmentClosed", "LicenceMissing", "Other")


def test_error_pages(inspector: Inspector, alice: clinic.Invited, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = inspector.browser.begin(alice.token)
    form = phone.page.form
    with away(monkeypatch):
        inspector.look("503, an answer", phone.submit(form, value="1"))
        inspector.look("503, a page", phone.get("/answer/1/1"))
    inspector.look("400", phone.submit(form, csrf_token=""))
    inspector.look("413", phone.submit(form, more="x" * 300_000))
    inspector.look("404", phone.get("/nowhere"))
    inspector.look("405", phone.post("/answer/thanks", {"csrf_token": form.fields["csrf_token"]}))
    with inspector.browser.client.application.test_request_context("/"):
        for name in ("unexpected", "bad_request", "no_report", "not_allowed", "invalid_answer"):
            inspector.show(name, str(errors.page(name, 500)[0]))  # type: ignore[index]
        for event in EVENTS:
            inspector.show(event, str(errors.page("refused", 409, event=event)[0]))  # type: ignore[index]
    inspector.assert_fine()


def test_every_error_template_is_looked_at(database_kind: str) -> None:
    """A new one has to be added above."""
    from prom_server.resources import directory

    known = {"unexpected", "bad_request", "no_report", "not_allowed", "invalid_answer", "refused", "unavailable"}
    known |= {"stale_form", "too_large", "not_found", "no_session"}
    assert {path.stem for path in (directory("templates") / "error").glob("*.html")} - {"base"} == known
    refusals = {kind.__name__ for kind in visits.LinkRefused.__subclasses__()}
    assert refusals == {"LinkSuperseded", "LinkClosed", "LinkCompleted", "LinkNotOpen", "LinkLocked"}


# ---- The staff's pages


@pytest.fixture(scope="module")
def demo_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo clinic, made once."""
    folder = tmp_path_factory.mktemp("demo")
    database = Database(databases.copy_sqlite(sqlite_template, folder))
    clinic.bind_definitions()
    with time_machine.travel(NOON, tick=False):
        demo.make(database, at=NOON)
        hashed = accounts.hash_password(PASSWORD)
        with database.writing() as session:
            demo.set_passwords(session, hashed, at=NOON)
    database.dispose()
    return folder / "prom.sqlite3"


@pytest.fixture
def demo_database(demo_template: Path, tmp_path: Path) -> Iterator[Database]:
    folder = tmp_path / "demo"
    folder.mkdir()
    database = Database(databases.copy_sqlite(demo_template, folder))
    yield database
    database.dispose()


@pytest.fixture
def demo_inspector(browser_context: BrowserContext, demo_database: Database, tmp_path: Path) -> Iterator[Inspector]:
    looking = Inspector(browser_context, application(demo_database, tmp_path))
    yield looking
    browser_context.unroute_all(behavior="ignoreErrors")


def sign_in(desk: Browser, role: Role) -> Browser:
    email = next(email for _name, email, of in cast.STAFF if of == role)
    desk.get("/sign-in").submit(email=email, password=PASSWORD)
    assert desk.status == 200
    return desk


def ids(database: Database) -> dict[str, list[str]]:
    """What each address with an id is looked at with: people with much and with nothing, alerts open and resolved."""
    family = ("Specimen", "Placeholder", "Newcomer")
    with database.reading() as session:
        patients = session.scalars(select(Patient.public_id).where(Patient.family_name.in_(family))).all()
        courses = session.scalars(select(Course.public_id).order_by(Course.finished_at, Course.id)).all()
        open_one = session.scalars(select(Alert.public_id).where(Alert.resolved_at.is_(None))).first()
        resolved = session.scalars(select(Alert.public_id).where(Alert.resolved_at.is_not(None))).first()
        waiting = Assessment.completed_at.is_(None) & (Assessment.opens_on <= NOON.date())
        return {
            "/patients/": list(patients),
            "/courses/": [courses[0], courses[-1]],
            "/alerts/": [str(open_one), str(resolved)],
            "/assessments/": list(session.scalars(select(Assessment.public_id).where(waiting).limit(1))),
            "/answers/": list(session.scalars(select(Administration.public_id).limit(1))),
            "/infusions/": list(session.scalars(select(Infusion.public_id).limit(1))),
            "/settings/staff/": list(session.scalars(select(Staff.public_id).order_by(Staff.id.desc()).limit(1))),
            "/settings/tablets/": [a_tablet(database)],
            "/instruments/": ["phq-9", "promis-depression-cat"],
        }


def a_tablet(database: Database) -> str:
    """The clinic's one tablet, registered at the first look."""
    with database.writing() as session:
        row = session.scalars(select(Staff).where(Staff.role == Role.ADMINISTRATOR)).first()
        assert row is not None
        by = accounts.member(row, session.get_one(clinic.Clinic, row.clinic_id))
        if not devices.devices(session, by=by):
            devices.register(session, "Tablet 1", "en", by=by, at=NOON)
        return devices.devices(session, by=by)[0].public_id


def addresses(app: Flask, role: Role, known: dict[str, list[str]]) -> list[str]:
    """Every page that this role may see, with each of its ids."""
    found = []
    for rule in app.url_map.iter_rules():
        action = RULES[rule.endpoint]
        allowed = not isinstance(action, Access) and Staffed(role).may(action)
        if rule.endpoint in NOT_PAGES or "GET" not in rule.methods or not allowed:
            continue
        prefix = rule.rule.split("<")[0]
        some = known[prefix] if "<" in rule.rule else [""]
        many = role is Role.CLINICIAN  # a coordinator's pages are the same ones
        some = some if rule.endpoint == "clinic.patient" and many else some[: 2 if many else 1]
        found += [re.sub(r"<.+?>", each, rule.rule) for each in some]
    return found


class Staffed:
    """What a role may do."""

    def __init__(self, role: Role) -> None:
        from prom_server.core.permissions import StaffMember

        self.member = StaffMember(1, "0" * 20, "Anybody", role, FACTS)

    def may(self, action: Any) -> bool:
        return self.member.may(action)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("role", list(Role))
def test_every_page_of_a_role(
    demo_inspector: Inspector, demo_database: Database, database_kind: str, role: Role
) -> None:
    inspector, desk = demo_inspector, sign_in(demo_inspector.browser, role)
    pages = addresses(desk.client.application, role, ids(demo_database))
    assert len(pages) >= 2
    for path in pages:
        desk.get(path)
        assert desk.status == 200, path
        inspector.look(path, desk)
    inspector.look("not allowed", desk.get("/today" if role is Role.ADMINISTRATOR else "/settings"))
    inspector.look("not found", desk.get("/patients/" + "0" * 20))
    inspector.assert_fine()


def test_staff_forms_with_something_wrong(
    demo_inspector: Inspector, demo_database: Database, database_kind: str
) -> None:
    known = ids(demo_database)
    inspector, desk = demo_inspector, sign_in(demo_inspector.browser, Role.CLINICIAN)
    token = desk.get("/patients/new").page.form.fields["csrf_token"]
    nothing = {"csrf_token": token}
    posts = {
        "new patient": "/patients/new",
        "edit patient": f"/patients/{known['/patients/'][0]}/edit",
        "new course": f"/patients/{known['/patients/'][0]}/courses/new",
        "infusion": f"/courses/{known['/courses/'][0]}/infusions",
        "finish": f"/courses/{known['/courses/'][0]}/finish",
        "resolve": f"/alerts/{known['/alerts/'][0]}/resolve",
        "in error": f"/answers/{known['/answers/'][0]}/in-error",
    }
    for name, path in posts.items():
        desk.post(path, {**nothing, "given_name": "", "birth_date": "soon"})
        assert desk.status == 422, (name, desk.status)
        inspector.look(name, desk)
    inspector.look("a link that was made", desk.post(f"/assessments/{known['/assessments/'][0]}/link", nothing))
    inspector.look("a search", desk.post("/patients", {**nothing, "q": "spec"}))
    inspector.look("a search for nobody", desk.post("/patients", {**nothing, "q": "zzz"}))
    inspector.look("a search that is too long", desk.post("/patients", {**nothing, "q": "z" * 500}))
    inspector.assert_fine()


def test_signing_in_and_the_settings(demo_inspector: Inspector, demo_database: Database, database_kind: str) -> None:
    inspector, desk = demo_inspector, demo_inspector.browser
    app = desk.client.application
    inspector.look("sign-in", desk.get("/sign-in"))
    inspector.look("sign-in, nothing typed", desk.submit(email="", password=""))
    inspector.look("sign-in, wrong", desk.get("/sign-in").submit(email="nobody@example.org", password="wrong"))
    with demo_database.writing() as session:
        row = session.scalars(select(Staff).where(Staff.role == Role.ADMINISTRATOR)).one()
        by = accounts.member(row, session.get_one(clinic.Clinic, row.clinic_id))
        link = staffing.new_password_link(session, row.public_id, by=by, at=NOON).token
    inspector.look("set a password", desk.get(f"/set-password/{link}"))
    inspector.look("set a password, too short", desk.submit(password="short", again="other"))
    inspector.look("set a password, unknown link", desk.get("/set-password/nothing"))
    sign_in(desk, Role.ADMINISTRATOR)
    token = desk.get("/settings").page.form.fields["csrf_token"]
    settings = [
        rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/settings") and "<" not in rule.rule
    ]
    for path in settings:
        if path != "/settings":
            inspector.look(path, desk.post(path, {"csrf_token": token}))
            assert desk.status in {200, 422}, path
    someone = ids(demo_database)["/settings/staff/"][0]
    inspector.look("a staff link", desk.post(f"/settings/staff/{someone}/link", {"csrf_token": token}))
    inspector.look("signed out", desk.post("/sign-out", {"csrf_token": token}))
    inspector.assert_fine()
