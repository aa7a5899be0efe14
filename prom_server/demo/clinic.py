"""Makes the demo clinic through the services, each step at the moment at which it would have happened."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.accounts import StaffDetails
from prom_server.core.alert_desk import Resolution
from prom_server.core.clinics import PatientWords
from prom_server.core.courses import FinishReason
from prom_server.core.enrolment import PatientDetails
from prom_server.core.instrument import Level
from prom_server.core.patient_status import Stop
from prom_server.core.permissions import Role, StaffMember
from prom_server.core.responses import Current
from prom_server.demo import calls, cast, reaching
from prom_server.demo.answers import answer
from prom_server.demo.care import Care
from prom_server.services import (
    alert_desk,
    alerting,
    answering,
    battery,
    clinic_settings,
    clinics,
    courses,
    enrolment,
    invitations,
    patient_status,
    satisfying,
    staff_changes,
    staffing,
    visits,
)
from prom_server.services.alert_desk import Outcome
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course as CourseRow
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

SECONDS_PER_ANSWER = 7
PLANNED = 5
RECENT = timedelta(days=20)
ZONE = ZoneInfo(cast.CLINIC["time_zone"])


def make(database: Database, *, at: datetime) -> None:
    """The clinic, its staff without passwords, and everybody in the cast, in one transaction: all or nothing."""
    with database.writing() as session:
        clinician = _people(session, at=at - timedelta(days=400))
        for number, person in enumerate(cast.CAST, 1):
            Life(session, clinician, at, Random(number)).live(person, 400 + number)  # noqa: S311 - not a secret
        _tidy(session, clinician, at=at)


def _people(session: Session, *, at: datetime) -> StaffMember:
    facts = cast.CLINIC
    public_id = staffing.create_clinic(
        session, facts["name"], facts["time_zone"], facts["phone"], facts["hours"], facts["paper"], demo=True, at=at
    )
    clinic = staffing.find_clinic(session, public_id)
    for name, email, role in cast.STAFF:
        staffing.add_staff(session, name, email, Role(role), clinic=clinic, by=None, at=at)
    row = session.scalars(select(Staff).where(Staff.role == Role.CLINICIAN)).one()
    administrator = StaffMember(row.id, row.public_id, row.name, Role.ADMINISTRATOR, clinic)
    words = (PatientWords("es", hours=cast.HOURS_IN_SPANISH),)
    clinics.change_patient_words(session, words, results_shown=False, by=administrator, at=at)
    _settle(session, administrator, at=at)
    return replace(administrator, role=Role.CLINICIAN)


def _settle(session: Session, administrator: StaffMember, *, at: datetime) -> None:
    """What a clinic settles before it goes live, but for going live."""
    week = clinic_settings.opening(session, by=administrator).weekly
    clinic_settings.change_hours(session, week, seen=None, by=administrator, at=at)
    for section, chosen in cast.SETTINGS.items():
        clinic_settings.change(session, section, chosen, seen=None, by=administrator, at=at)
    for row in session.scalars(select(Staff).where(Staff.role != Role.ADMINISTRATOR)).all():
        told = StaffDetails(row.name, Role(row.role), "email")
        staff_changes.change_person(session, row.public_id, told, seen=None, by=administrator, at=at)


def set_passwords(session: Session, password_hash: str, *, at: datetime) -> None:
    """The same password for every demo account."""
    clinic = staffing.find_clinic(session, None)
    for row in session.scalars(select(Staff).where(Staff.clinic_id == clinic.id, Staff.active)).all():
        admin = StaffMember(row.id, row.public_id, row.name, Role.ADMINISTRATOR, clinic)
        link = staffing.new_password_link(session, row.public_id, by=admin, at=at)
        staffing.set_password(session, link.token, password_hash, at=at)


def has_passwords(session: Session) -> bool:
    return session.scalar(select(Staff.id).where(Staff.password_hash.is_not(None)).limit(1)) is not None


@dataclass(frozen=True, slots=True)
class Ready:
    """A link to a demo assessment that can be answered now, and the birth date that opens it."""

    token: str
    born: date


def ready_link(session: Session, *, at: datetime) -> Ready | None:
    """A new link for somebody in the cast who has not begun; None when everybody has."""
    today = at.astimezone(ZONE).date()
    found = session.execute(
        select(Assessment.public_id, Patient.birth_date)
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(
            Assessment.started_at.is_(None),
            Assessment.cancelled_at.is_(None),
            Assessment.closed_at.is_(None),
            Assessment.opens_on <= today,
            Assessment.closes_on >= today,
        )
        .order_by(Assessment.due_on.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    by = _one(session, Role.COORDINATOR)
    return Ready(invitations.issue(session, found.public_id, by=by, at=at).token, found.birth_date)


def _one(session: Session, role: Role) -> StaffMember:
    row = session.scalars(select(Staff).where(Staff.role == role, Staff.active).limit(1)).one()
    return StaffMember(row.id, row.public_id, row.name, role, staffing.find_clinic(session, None))


class Life:
    """One person's life in the clinic, lived step by step."""

    def __init__(self, session: Session, by: StaffMember, at: datetime, chance: Random) -> None:
        self.session, self.by, self.now, self.chance = session, by, at, chance
        self.today = at.astimezone(ZONE).date()

    def live(self, person: cast.Person, number: int) -> None:
        first = min((each.first for each in person.courses), default=0)
        registered_at = self.moment(min(first, 0) - 20)
        patient = enrolment.add_patient(
            self.session,
            PatientDetails(
                record_number=f"DEMO-{number:04}",
                given_name=person.given,
                family_name=person.family,
                birth_date=person.born,
                phone=f"(303) 555-01{number % 100:02}",
                address="Synthetic, no address",
                emergency_contact="Synthetic, nobody",
            ),
            by=self.by,
            at=registered_at,
        )
        reaching.reach(self.session, patient, person, number, bounced_at=self.past(-12), by=self.by, at=registered_at)
        for course in person.courses:
            self.take(patient, course)
        calls.ring(self.session, patient, person, self.moment, by=self.by)
        if person.withdrew:
            why, at = person.withdrew, self.past(-3)
            patient_status.stop(self.session, patient, Stop.WITHDRAWN, reason=why, by=self.by, at=at)

    def take(self, patient: str, course: cast.Course) -> None:
        """A course: begun ten days before its first infusion, and every step on its day."""
        starts_on = self.today + timedelta(days=course.first)
        began = min(self.moment(course.first - 10), self.now)
        public_id = courses.start_course(self.session, patient, course.protocol, starts_on, by=self.by, at=began)
        self.fill_in(public_id, "baseline", course)
        if course.earlier_serve:
            satisfying.use(self.session, self.assessment(public_id, "baseline"), by=self.by, at=began)
        around = Care(self.session, public_id, course.first, by=self.by, now=self.now)
        given = [min(self.moment(course.first + day, time(14, 0)), self.now) for day in range(course.infusions)]
        for given_at in given:
            around.give(given_at)
        if given:
            around.beside(given[0].astimezone(ZONE).date(), given[-1].astimezone(ZONE).date(), given[-1])
        if course.finished and course.infusions < PLANNED:
            around.stop(given[-1])
        if course.finished:
            self.finish(public_id, course)
        for time_point in ("last-infusion", "month-3", "month-6"):
            self.fill_in(public_id, time_point, course)

    def finish(self, public_id: str, course: cast.Course) -> None:
        reason = FinishReason.COMPLETED if course.infusions >= PLANNED else FinishReason.STOPPED_EARLY
        note = None if reason is FinishReason.COMPLETED else "Synthetic: the trip was too long."
        at = self.moment(course.first + course.infusions - 1, time(16, 0))
        courses.finish_course(self.session, public_id, reason, note, by=self.by, at=at)

    def assessment(self, course_public_id: str, time_point: str) -> str:
        mine = select(Assessment.public_id).join(CourseRow, CourseRow.id == Assessment.course_id)
        return self.session.scalars(
            mine.where(CourseRow.public_id == course_public_id, Assessment.time_point == time_point)
        ).one()

    def fill_in(self, course_public_id: str, time_point: str, course: cast.Course) -> None:
        """Opens a link as the patient would, answers, and submits part by part."""
        wanted = course.answers.get(time_point)
        if wanted is None:
            return
        row = self.session.execute(
            select(Assessment.public_id, Assessment.due_on, Patient.birth_date)
            .join(Patient, Patient.id == Assessment.patient_id)
            .join(CourseRow, CourseRow.id == Assessment.course_id)
            .where(CourseRow.public_id == course_public_id, Assessment.time_point == time_point)
        ).one()
        at = self.past((row.due_on - self.today).days + wanted.days_after)
        link = invitations.issue(self.session, row.public_id, by=self.by, at=at).token
        visits.count_attempt(self.session, link, at=at)
        token = visits.identify(self.session, link, row.birth_date, at=at).token
        if token is None:
            raise AssertionError("the demo knows its own birth dates")
        answering.start(self.session, token, at=at)
        self.answer(token, wanted, at)

    def answer(self, token: str, wanted: cast.Answers, at: datetime) -> None:
        left = wanted.only if wanted.only is not None else 10_000
        visit = visits.of_session(self.session, token, at=at)
        for part in battery.load(self.session, visit):
            while not part.ended:
                if left == 0:
                    return
                item = part.items[part.place - 1]
                value = answer(part.instrument, item, wanted, self.chance)
                at += timedelta(seconds=SECONDS_PER_ANSWER)
                posted = Posted(item.id, value, part.sequence)
                saved = answering.save(self.session, token, part.position, posted, at=at)
                part = part.answering(item.id, Current(value, saved.sequence))
                left -= 1
            answering.submit(self.session, token, part.position, at=at)

    def past(self, days: int) -> datetime:
        """As `moment`, but not ahead of now: of today what is over, even just after midnight."""
        midnight = self.moment(0, time(0, 0))
        return min(self.moment(days), max(midnight, self.now - timedelta(minutes=20)))

    def moment(self, days: int, on_the_clock: time = time(10, 0)) -> datetime:
        """That many days from today, at a time of the clinic's day."""
        return datetime.combine(self.today + timedelta(days=days), on_the_clock, ZONE).astimezone(UTC)


def _tidy(session: Session, clinician: StaffMember, *, at: datetime) -> None:
    """Alerts of long ago were looked after; of the recent ones some are acknowledged, as the cast says."""
    acknowledged = {each.family for each in cast.CAST if each.acknowledge}
    alerting.flag_unreached(session, clinician.clinic.id, at=at)
    rows = session.execute(
        select(Alert.public_id, Alert.level, Alert.raised_at, Patient.family_name)
        .join(Patient, Patient.id == Alert.patient_id)
        .order_by(Alert.raised_at)
    ).all()
    for row in rows:
        soon = row.raised_at + timedelta(minutes=12)
        if row.family_name in acknowledged or at - row.raised_at > RECENT:
            alert_desk.acknowledge(session, row.public_id, by=clinician, at=soon)
        if at - row.raised_at > RECENT:
            how = Resolution.ASKED_AT_CONTACT if row.level == Level.FLAG else Resolution.RISK_ASSESSED
            outcome = Outcome(how, "Synthetic: spoke on the phone, no plan, no intent.")
            alert_desk.resolve(session, row.public_id, outcome, by=clinician, at=soon + timedelta(minutes=25))
