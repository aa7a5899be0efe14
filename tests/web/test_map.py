"""The map: every endpoint has a rule; every staff page as every role, on our own ids and another clinic's."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from prom_server.core.permissions import Action, Role
from prom_server.services import accounts, day_list, importing, merging, on_call, outbox
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration
from prom_server.store.courses import Course, Infusion
from prom_server.store.database import Database
from prom_server.store.kiosks import Device
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff
from prom_server.web.guard import RULES, Access
from tests import cast as people
from tests.cast import PASSWORD, Cast
from tests.support import care, clinic, kiosk
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON

UNKNOWN = "0" * 20

# What each address with an id stands for.
KINDS = {
    "/patients/": "patient",
    "/patients/import/": "import",
    "/merges/": "merge",
    "/courses/": "course",
    "/infusions/": "infusion",
    "/infusion-days/": "infusion_day",
    "/vital-signs/": "vital_sign",
    "/adverse-events/": "adverse_event",
    "/opioid-doses/": "opioid_dose",
    "/sessions/": "session",
    "/notes/": "note",
    "/assessments/": "assessment",
    "/alerts/": "alert",
    "/on-call/": "duty",
    "/outbox/": "message",
    "/expected/day-list/": "day_list",
    "/answers/": "administration",
    "/settings/staff/": "staff",
    "/settings/words/": "words",
    "/settings/tablets/": "device",
    "/instruments/": "instrument",
}
NOBODYS = {"words", "instrument"}  # belongs to no clinic: every one sees the same
# What a form must hold to get past its own checks, so that the id decides.
FILLED = {
    "clinic.edit_patient": {
        "record_number": "N-1",
        "given_name": "Alice",
        "family_name": "Specimen",
        "birth_date": "1968-03-12",
    },
    "clinic.mark_in_error": {"reason": "A test."},
    "calls.record": {"outcome": "no_answer", "seen": "0"},
    "contacts.change": {"kind": "email", "act": "new", "email-address": "alice@example.org"},
    "contacts.set_calls": {"may_leave_message": "yes"},
    "contacts.stop": {"reason": "Moved away."},
    "contacts.take_back": {"what": "withdrawn"},
    "courses.new": {"protocol": clinic.FREE, "starts_on": "2026-11-24"},
    "courses.record_infusion": {"given_on": "2026-11-23", "given_time": "09:00"},
    "courses.finish": {"reason": "completed"},
    "infusions.effects": {"nausea": "no"},
    "infusions.vital_signs": {"measured_on": "2026-11-23", "measured_time": "12:00", "heart_rate": "70"},
    "infusions.day": {"reason": "unwell"},
    "events.record": {
        "kind": "hypertension",
        "action": "both",
        "outcome": "resolved",
        "happened_on": "2026-11-23",
        "happened_time": "12:00",
    },
    "events.event": {"outcome": "resolving"},
    "care.dose": {"drug": "morphine", "daily_amount": "20", "taken_from": "2026-11-23"},
    "care.attendance": {"kind": "therapy", "attended": "yes", "on": "2026-11-22"},
    "care.other": {"asked_on": "2026-11-23", "massage": "no"},
    "care.note": {"written": "A note."},
    "course_moves.move": {"starts_on": "2026-11-30"},
    "course_moves.cancel": {"note": "Another patient's."},
    "link_messages.send": {"channel": "email", "sent": "0"},
    "message_templates.edit": {"subject": "Ready", "body": "{link}"},
    "devices.register": {"tablet-name": "Tablet 5", "tablet-language": "en"},
    "devices.rename": {"name": "Tablet 6", "language": "en"},
    "given.who": {"respondent": "patient"},
    "late_reopening.reopen": {"until": "2026-11-30", "reason": "Was travelling."},
    "alerts.resolve": {"code": "spoke_with_patient"},
    "alerts.give": {"to": UNKNOWN},
    "outbox.settle": {"how": "left"},
}
FINE = {200, 303, 409, 422}  # done, shown, or refused for a reason that has nothing to do with who asks


@dataclass(frozen=True)
class Route:
    endpoint: str
    path: str
    method: str
    action: Action

    @property
    def kind(self) -> str | None:
        return next((kind for prefix, kind in KINDS.items() if self.path.startswith(prefix + "<")), None)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.ada, by=team.ada)
        people.set_password(session, team.bob, by=team.ada)
        people.set_password(session, team.cora, by=team.ada)
        return team


@pytest.fixture
def desk(database: Database, tmp_path: Path, team: Cast):
    with time_machine.travel(NOON, tick=False):
        app = application(database, tmp_path)
        app.config["WTF_CSRF_ENABLED"] = False
        yield Browser(app)


@pytest.fixture
def ids(database: Database, team: Cast) -> dict[str, dict[str, str]]:
    return {
        "own": _made(database, team, team.alice, team.bob),
        "other": _made(database, team, team.charlies, team.charlie),
    }


def _made(database: Database, team: Cast, patient: str, by) -> dict[str, str]:
    """One of everything that has an address."""
    with database.writing() as session:
        course = people.courses.start_course(session, patient, clinic.FREE, NOON.date(), by=by, at=NOON)
        people.answer_part(session, course, by, 2)
        people.infuse(session, course, by, 0)
        row = session.scalars(select(Course).where(Course.public_id == course)).one()
        return {
            "patient": patient,
            "course": course,
            "infusion": session.scalars(select(Infusion.public_id).where(Infusion.course_id == row.id)).one(),
            **care.everything(session, course, by=by),
            "assessment": clinic.assessment_of(session, course, "month-3"),
            "alert": session.scalars(select(Alert.public_id).where(Alert.patient_id == row.patient_id)).one(),
            "administration": session.scalars(
                select(Administration.public_id).where(Administration.clinic_id == row.clinic_id)
            ).first(),
            "staff": session.scalars(
                select(Staff.public_id).where(Staff.clinic_id == by.clinic.id).order_by(Staff.id)
            ).first(),
            "message": _message(session, by),
            "day_list": day_list.upload(session, b"record_number\nDEMO-1\n", NOON.date(), by=by, at=NOON),
            "merge": _merge(session, patient, by),
            "import": importing.upload(session, _FILE, by=by, at=NOON),
            "instrument": "phq-9",
            "duty": on_call.put_on_call(session, by.public_id, NOON, NOON + timedelta(hours=1), by=by, at=NOON),
            "words": "reminder-email-en",
            "device": _device(session, by),
        }


def _merge(session, patient: str, by) -> str:
    gone = people.patient(session, by, number="GONE-1")
    return merging.merge(session, patient, gone, by=by, at=NOON)


_FILE = b"record_number,given_name,family_name,birth_date\nN-7,Rosa,Placeholder,1960-01-02\n"


def _message(session, by) -> str:
    message_id = outbox.enqueue(
        session,
        clinic_id=by.clinic.id,
        purpose="test",
        channel="email",
        address="somebody@example.org",
        language="en",
        key=f"test:{by.id}",
        at=NOON,
        staff_id=by.id,
    )
    return session.get_one(Message, message_id).public_id


def _device(session, by) -> str:
    administrator = clinic.member(session, session.get_one(clinic.Clinic, by.clinic.id), Role.ADMINISTRATOR, "Dee One")
    kiosk.tablet(session, administrator)
    return session.scalars(select(Device.public_id).where(Device.clinic_id == by.clinic.id)).one()


def sign_in(desk: Browser, database: Database, who) -> None:
    """A session of one's own for each request: some requests end sessions."""
    with database.writing() as session:
        row = session.execute(select(Staff).where(Staff.id == who.id)).scalar_one()
        row.active = True
        name = row.email
        attempt = accounts.look_up(session, name, "198.51.100.1", at=NOON)
    if row.password_hash is None:
        with database.writing() as session:
            people.set_password(session, who, by=who)
            attempt = accounts.look_up(session, name, "198.51.100.1", at=NOON)
    verified = accounts.verify(attempt, PASSWORD)
    with database.writing() as session:
        token = accounts.record_sign_in(session, attempt, verified, at=NOON)
    with desk.client.session_transaction() as held:
        held.clear()
        held["staff"] = token


def routes(desk: Browser) -> list[Route]:
    found = []
    for rule in desk.client.application.url_map.iter_rules():
        action = RULES.get(rule.endpoint)
        if isinstance(action, Action):
            found += [
                Route(rule.endpoint, rule.rule, method, action) for method in sorted(rule.methods & {"GET", "POST"})
            ]
    return sorted(found, key=lambda route: (route.endpoint, route.method))


def ask(desk: Browser, route: Route, public_id: str):
    path = re.sub(r"<.+?>", public_id, route.path)
    return desk.client.open(path, method=route.method, data=FILLED.get(route.endpoint))


def test_every_endpoint_has_a_rule_and_every_rule_an_endpoint(desk: Browser) -> None:
    endpoints = {rule.endpoint for rule in desk.client.application.url_map.iter_rules()}
    assert endpoints == set(RULES)


def test_what_is_open_to_anybody_is_listed_here(desk: Browser) -> None:
    """A page that no longer asks who you are must be added here by hand."""
    assert {endpoint for endpoint, rule in RULES.items() if rule is Access.PUBLIC} == {
        "static",
        "health.healthz",
        "inbound.sms",
        "inbound.sms_status",
        "preferences.choose",
        "kiosk.look_at_set_up",
        "kiosk.set_up",
        "auth.sign_in",
        "auth.set_password",
    }
    links = {endpoint for endpoint, rule in RULES.items() if rule is Access.OWN_DEVICE}
    link = {endpoint for endpoint in RULES if endpoint.startswith(("visit_entry.", "opt_out.", "results."))}
    assert links == link - {"results.share", "results.take_back"}
    visit = {"kiosk.alive", "kiosk.stop", "screens.answer"}  # of a patient on a tablet
    of_patients = {endpoint for endpoint, rule in RULES.items() if rule is Access.PATIENT}
    assert all(endpoint.startswith("patient.") for endpoint in of_patients - visit)
    assert visit <= of_patients
    assert all(endpoint.startswith("kiosk.") for endpoint, rule in RULES.items() if rule is Access.KIOSK)


def test_every_address_with_an_id_is_in_this_map(desk: Browser) -> None:
    for route in routes(desk):
        assert ("<" in route.path) == (route.kind is not None), route
        assert route.path.count("<") <= 1


@pytest.mark.parametrize("role", list(Role))
def test_every_route_as_every_role(desk: Browser, database: Database, team: Cast, ids, role: Role) -> None:
    who = team.of(role)
    sign_in(desk, database, who)
    with desk.client.session_transaction() as held:
        signed_in = dict(held)
    for route in routes(desk):
        if route.endpoint == "auth.sign_out":
            continue
        with desk.client.session_transaction() as held:
            held.update(signed_in)
        for whose in ("own", "other"):
            response = ask(desk, route, ids[whose].get(route.kind or "", ""))
            if not who.may(route.action):
                assert response.status_code == 403, (route, whose)
            elif whose == "other" and route.kind and route.kind not in NOBODYS:
                assert response.status_code == 404, route
                assert response.text == ask(desk, route, UNKNOWN).text, route
            elif route.endpoint == "alerts.resolve" and role is Role.COORDINATOR:
                assert response.status_code == 403, route
            else:
                assert response.status_code in FINE, (route, response.status_code)


def test_nothing_of_the_other_clinic_was_changed(desk: Browser, database: Database, team: Cast, ids) -> None:
    before = _state(database, team)
    for role in Role:
        sign_in(desk, database, team.of(role))
        with desk.client.session_transaction() as held:
            signed_in = dict(held)
        for route in routes(desk):
            if route.kind:
                with desk.client.session_transaction() as held:
                    held.update(signed_in)
                ask(desk, route, ids["other"][route.kind])
    assert _state(database, team) == before


def _state(database: Database, team: Cast) -> list[object]:
    from prom_server.store.base import Base

    with database.reading() as session:
        return [
            session.execute(table.select().where(table.c.clinic_id == team.charlie.clinic.id)).all()
            for table in Base.metadata.sorted_tables
            if "clinic_id" in table.c
        ]


def test_nobody_is_let_in_without_signing_in(desk: Browser, ids) -> None:
    for route in routes(desk):
        response = ask(desk, route, ids["own"].get(route.kind or "", ""))
        if route.method == "GET":
            assert (response.status_code, response.location) == (303, "/sign-in"), route
        else:
            assert response.status_code == 401, route


def test_a_patient_s_session_opens_no_staff_page_and_no_tablet_s(
    desk: Browser, database: Database, team: Cast, ids
) -> None:
    with database.writing() as session:
        invited = clinic.invited(session, team.bob, number=77)
    desk.begin(invited.token)
    with desk.client.session_transaction() as held:
        answering = dict(held)
    for route in routes(desk):
        with desk.client.session_transaction() as held:
            held.clear()
            held.update(answering)
        response = ask(desk, route, ids["own"].get(route.kind or "", ""))
        assert refused(response, route), (route, response.status_code)
    for rule, method in of_access(desk, Access.KIOSK):
        assert desk.client.open(rule.rule, method=method).status_code == 401, (rule, method)
    assert desk.get("/answer/1/1").status == 200  # and it still answers


def test_a_tablet_s_credential_opens_nothing_but_its_own_pages(
    desk: Browser, database: Database, team: Cast, ids
) -> None:
    with database.writing() as session:
        desk.client.set_cookie("prom-kiosk", kiosk.tablet(session, team.ada, "Tablet 9"))
    assert desk.client.get("/kiosk").status_code == 200
    for route in routes(desk):
        response = ask(desk, route, ids["own"].get(route.kind or "", ""))
        assert refused(response, route), (route, response.status_code)
    for rule, method in of_access(desk, Access.PATIENT):
        response = desk.client.open(re.sub(r"<int[^>]*>", "1", rule.rule), method=method)
        assert (response.status_code, response.location) == (303, "/kiosk"), (rule, method)


def refused(response, route: Route) -> bool:
    """To the sign-in, and nothing of what was asked for."""
    signed_out = response.status_code == 303 and response.location == "/sign-in"
    return signed_out if route.method == "GET" else response.status_code == 401


def of_access(desk: Browser, access: Access):
    for rule in desk.client.application.url_map.iter_rules():
        if RULES[rule.endpoint] is access:
            yield from ((rule, method) for method in sorted(rule.methods & {"GET", "POST"}))


def test_nobody_opens_a_tablet_s_page_without_its_credential(desk: Browser, database: Database, team: Cast) -> None:
    sign_in(desk, database, team.bob)
    for rule, method in of_access(desk, Access.KIOSK):
        assert desk.client.open(rule.rule, method=method).status_code == 401, (rule, method)


def test_a_staff_session_opens_no_patient_s_page(desk: Browser, database: Database, team: Cast) -> None:
    sign_in(desk, database, team.bob)
    for rule, method in of_access(desk, Access.PATIENT):
        response = desk.client.open(re.sub(r"<int[^>]*>", "1", rule.rule), method=method)
        assert response.status_code in {303, 401}, (rule, method)
