"""Every page of the staff, on a phone and on a desk: axe finds nothing, nothing scrolls sideways, no name in titles."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import BrowserContext
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.enrolment import PatientDetails
from prom_server.core.permissions import ClinicFacts, Role, StaffMember
from prom_server.demo import cast
from prom_server.demo import clinic as demo
from prom_server.services import accounts, day_list, devices, enrolment, importing, merging, staffing
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.care import AdverseEvent
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course, Infusion, InfusionDay
from prom_server.store.database import Database
from prom_server.store.imports import Merge
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from prom_server.web.guard import RULES, Access
from tests.support import clinic, databases
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON
from tests.support.databases import only_sqlite
from tests.support.inspector import WIDTHS, Inspector

pytestmark = [pytest.mark.browser, only_sqlite]

PASSWORD = "a demo password"
NOT_PAGES = {"static", "health.healthz", "report.score", "alert_latency.file", "funnel.file", "imports.template"}
FACTS = ClinicFacts(
    1, "0" * 20, "Harbour Street Pain Clinic", True, "America/Denver", "(303) 555-0142", "weekdays", "A4"
)


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


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
            session.execute(update(Clinic).values(results_shown=True))
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
        to_come = InfusionDay.infusion_id.is_(None) & InfusionDay.cancelled_at.is_(None)
        waiting = Assessment.completed_at.is_(None) & (Assessment.opens_on <= NOON.date())
        return {
            "/patients/": list(patients),
            "/courses/": [courses[0], courses[-1]],
            "/alerts/": [str(open_one), str(resolved)],
            "/assessments/": list(session.scalars(select(Assessment.public_id).where(waiting).limit(1))),
            "/answers/": list(session.scalars(select(Administration.public_id).limit(1))),
            "/infusion-days/": list(session.scalars(select(InfusionDay.public_id).where(to_come).limit(1))),
            "/adverse-events/": list(session.scalars(select(AdverseEvent.public_id).limit(1))),
            "/infusions/": list(session.scalars(select(Infusion.public_id).limit(1))),
            "/settings/staff/": list(session.scalars(select(Staff.public_id).order_by(Staff.id.desc()).limit(1))),
            "/settings/tablets/": [a_tablet(database)],
            "/expected/day-list/": [a_day_list(database)],
            "/outbox/": list(session.scalars(select(Message.public_id).limit(1))),
            "/settings/words/": ["reminder-sms-en"],
            "/patients/import/": [an_import(database)],
            "/merges/": [a_merge(database)],
            "/instruments/": ["phq-9", "promis-depression-cat"],
        }


def at_the_desk(session: Session) -> StaffMember:
    row = session.scalars(select(Staff).where(Staff.role == Role.COORDINATOR)).one()
    return accounts.member(row, session.get_one(Clinic, row.clinic_id))


def an_import(database: Database) -> str:
    """Somebody new, somebody there already, and a line that is wrong."""
    lines = "record_number,given_name,family_name,birth_date", "N-1,New,Patient,1970-01-01", "DEMO-0401,R,S,1", "N-2,,,"
    with database.writing() as session:
        return importing.upload(session, "\n".join(lines).encode(), by=at_the_desk(session), at=NOON)


def a_merge(database: Database) -> str:
    """Of two who were registered twice; the first look makes it."""
    with database.writing() as session:
        known = session.scalars(select(Merge.public_id)).first()
        if known is not None:
            return known
        by = at_the_desk(session)
        twice = [PatientDetails(f"T-{n}", "Twice", "Registered", date(1970, 1, 1)) for n in (1, 2)]
        kept, gone = (enrolment.add_patient(session, each, by=by, at=NOON) for each in twice)
        return merging.merge(session, kept, gone, by=by, at=NOON)


def a_day_list(database: Database) -> str:
    """One that waits for a look: a line that is good and two that are not."""
    with database.writing() as session:
        by = at_the_desk(session)
        text = "record_number,time,reason\nDEMO-0401,9:30,Visit\nnobody,10:00,\nDEMO-0402,soon,\n"
        return day_list.upload(session, text.encode(), NOON.date(), by=by, at=NOON)


def a_tablet(database: Database) -> str:
    """The clinic's one tablet, registered at the first look."""
    with database.writing() as session:
        row = session.scalars(select(Staff).where(Staff.role == Role.ADMINISTRATOR)).first()
        assert row is not None
        by = accounts.member(row, session.get_one(Clinic, row.clinic_id))
        if not devices.devices(session, by=by):
            devices.register(session, "Tablet 1", "en", by=by, at=NOON)
        return devices.devices(session, by=by)[0].public_id


def addresses(app: Flask, role: Role, known: dict[str, list[str]]) -> list[str]:
    """Every page that this role may see, with each of its ids."""
    found = []
    for rule in app.url_map.iter_rules():
        action = RULES[rule.endpoint]
        allowed = not isinstance(action, Access) and StaffMember(1, "0" * 20, "Anybody", role, FACTS).may(action)
        if rule.endpoint in NOT_PAGES or "GET" not in rule.methods or not allowed:
            continue
        prefix = rule.rule.split("<")[0]
        some = known[prefix] if "<" in rule.rule else [""]
        many = role is Role.CLINICIAN  # a coordinator's pages are the same ones
        some = some if rule.endpoint == "clinic.patient" and many else some[: 2 if many else 1]
        found += [re.sub(r"<.+?>", each, rule.rule) for each in some]
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("role", list(Role))
def test_every_page_of_a_role(
    demo_inspector: Inspector, demo_database: Database, database_kind: str, role: Role
) -> None:
    inspector, desk = demo_inspector, sign_in(demo_inspector.browser, role)
    if role is Role.COORDINATOR:
        inspector.heard_at = WIDTHS[:1]  # the clinician's pages with fewer buttons
    pages = addresses(desk.client.application, role, ids(demo_database))
    assert len(pages) >= 2
    for path in pages:
        desk.get(path)
        assert desk.status in {200, 409}, path  # 409: given in another way; the refusal is looked at
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
        "vital signs": f"/infusions/{known['/infusions/'][0]}/vital-signs",
        "missed": f"/infusion-days/{known['/infusion-days/'][0]}",
        "adverse event": f"/courses/{known['/courses/'][0]}/adverse-events",
        "opioid dose": f"/courses/{known['/courses/'][0]}/opioid-doses",
        "session": f"/courses/{known['/courses/'][0]}/sessions",
        "other care": f"/courses/{known['/courses/'][0]}/other-care",
        "note": f"/courses/{known['/courses/'][0]}/notes",
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
        by = accounts.member(row, session.get_one(Clinic, row.clinic_id))
        link = staffing.new_password_link(session, row.public_id, by=by, at=NOON).token
    inspector.look("set a password", desk.get(f"/set-password/{link}"))
    inspector.look("set a password, too short", desk.submit(password="short", again="other"))
    inspector.look("set a password, unknown link", desk.get("/set-password/nothing"))
    sign_in(desk, Role.ADMINISTRATOR)
    token = desk.get("/settings").page.form.fields["csrf_token"]
    settings = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/settings") and "<" not in rule.rule and "POST" in rule.methods
    ]
    for path in settings:
        inspector.look(path, desk.post(path, {"csrf_token": token}))
        assert desk.status in {200, 409, 422}, path
    someone = ids(demo_database)["/settings/staff/"][0]
    inspector.look("a staff link", desk.post(f"/settings/staff/{someone}/link", {"csrf_token": token}))
    inspector.look("signed out", desk.post("/sign-out", {"csrf_token": token}))
    inspector.assert_fine()
