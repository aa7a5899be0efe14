"""Opens a private link: the birth date identifies, a session follows, for one assessment only."""

import hmac
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import case, insert, null, select, update
from sqlalchemy.orm import Session

from prom_server.core.permissions import ClinicFacts
from prom_server.core.refusals import NotFound, Refused
from prom_server.core.schedule import Facts, Status, Window, status_at
from prom_server.core.tokens import hash_token, new_token
from prom_server.core.visit import Visit
from prom_server.services import audit, catalogue
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.invitations import Invitation, PatientSession
from prom_server.store.patients import Patient

WRONG_DATES_ALLOWED = 5
IDLE = timedelta(minutes=30)
AT_MOST = timedelta(hours=4)
RESUMABLE = timedelta(hours=24)  # by the birth date alone; later the link is needed again
TOUCH_AFTER = timedelta(minutes=1)
ANSWERABLE = {Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS}


class SessionOver(Refused):
    """No session, or idle for too long: the birth date is asked again."""


class AssessmentClosed(Refused):
    """The window closed, or staff cancelled it. What was given before is kept."""


class LinkRefused(Refused):
    """A known link that opens nothing now. Carries the clinic, so that the page can say whom to call."""

    def __init__(self, clinic: ClinicFacts, opens_on: date | None = None) -> None:
        super().__init__(type(self).__name__)
        self.clinic = clinic
        self.opens_on = opens_on


class LinkSuperseded(LinkRefused):
    """A newer link was made for the same assessment."""


class LinkClosed(LinkRefused):
    """The assessment is cancelled or over."""


class LinkCompleted(LinkRefused):
    """Everything was answered."""


class LinkNotOpen(LinkRefused):
    """The assessment opens later."""


class LinkLocked(LinkRefused):
    """Too many wrong birth dates; the desk can unlock."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a birth date: a session's token, or None and how many tries are left."""

    token: str | None
    left: int


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a link or a session leads to."""

    invitation_id: int
    assessment: Assessment
    patient: Patient
    clinic: Clinic


@dataclass(frozen=True, slots=True)
class LinkView:
    clinic: ClinicFacts


def clinic_facts(clinic: Clinic) -> ClinicFacts:
    return ClinicFacts(
        clinic.id,
        clinic.public_id,
        clinic.name,
        clinic.demo,
        clinic.time_zone,
        clinic.phone,
        clinic.hours,
        clinic.paper,
    )


def look_at_link(session: Session, token: str, *, at: datetime) -> LinkView:
    """What a link's page shows. Uses nothing up. Raises NotFound, or a LinkRefused."""
    return LinkView(clinic_facts(_link(session, token, at=at).clinic))


def count_attempt(session: Session, token: str, *, at: datetime) -> None:
    """Counts one attempt at the birth date. Commit it before `identify` compares. Raises LinkLocked."""
    _count(session, _link(session, token, at=at), at=at)


def identify(session: Session, token: str, birth_date: date, *, at: datetime) -> Attempt:
    """Compares an attempt that was counted; the right date opens a session for the link's assessment.

    After the last wrong one allowed the patient's links are locked, and the desk is told.
    """
    return _compare(session, _link(session, token, at=at), birth_date, at=at)


def count_resumption(session: Session, session_token: str, *, at: datetime) -> None:
    """As `count_attempt`, for a session that was idle too long."""
    _count(session, _owner(session, session_token, at=at), at=at)


def resume(session: Session, session_token: str, birth_date: date, *, at: datetime) -> Attempt:
    """As `identify`, for a session that was idle too long: opens a new one for the same assessment."""
    return _compare(session, _owner(session, session_token, at=at), birth_date, at=at)


def look_at_session(session: Session, session_token: str, *, at: datetime) -> LinkView:
    """Whose clinic an idle session belongs to. Raises NotFound, or a LinkRefused."""
    return LinkView(clinic_facts(_owner(session, session_token, at=at).clinic))


def of_session(session: Session, session_token: str | None, *, at: datetime) -> Visit:
    """The visit of a live session. Raises SessionOver; LinkClosed when the assessment ended meanwhile."""
    row = session.execute(
        select(PatientSession, Assessment, Clinic, Course.protocol_id, Course.protocol_revision)
        .join(Assessment, Assessment.id == PatientSession.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .join(Clinic, Clinic.id == Assessment.clinic_id)
        .where(PatientSession.token_hash == hash_token(session_token or ""))
    ).one_or_none()
    if row is None:
        raise SessionOver("no session")
    mine, assessment, clinic, protocol, revision = row
    if mine.ended_at is not None or at - mine.seen_at > IDLE or at - mine.created_at > AT_MOST:
        raise SessionOver("idle")
    return Visit(
        session_id=mine.id,
        assessment_id=assessment.id,
        assessment=assessment.public_id,
        battery=catalogue.protocol(protocol, revision).battery,
        patient_id=assessment.patient_id,
        clinic=clinic_facts(clinic),
        stale=at - mine.seen_at > TOUCH_AFTER,
        open=_status(assessment, clinic, at=at) in ANSWERABLE,
        completed=assessment.completed_at is not None,
    )


def require_open(visit: Visit, *, unless: bool = False) -> None:
    """Raises AssessmentClosed when answers are no longer accepted."""
    if not visit.open and not unless:
        raise AssessmentClosed("closed")


def touch(session: Session, visit: Visit, *, at: datetime) -> None:
    session.execute(update(PatientSession).where(PatientSession.id == visit.session_id).values(seen_at=at))


def end(session: Session, session_token: str, *, at: datetime) -> None:
    mine = PatientSession.token_hash == hash_token(session_token)
    session.execute(update(PatientSession).where(mine, PatientSession.ended_at.is_(None)).values(ended_at=at))


def _link(session: Session, token: str, *, at: datetime) -> _Opened:
    row = session.execute(
        select(Invitation, Assessment, Patient, Clinic)
        .join(Assessment, Assessment.id == Invitation.assessment_id)
        .join(Patient, Patient.id == Invitation.patient_id)
        .join(Clinic, Clinic.id == Invitation.clinic_id)
        .where(Invitation.token_hash == hash_token(token))
    ).one_or_none()
    if row is None:
        raise NotFound("no such link")
    invitation, assessment, patient, clinic = row
    if invitation.superseded_at is not None:
        raise LinkSuperseded(clinic_facts(clinic))
    _check_open(assessment, clinic, at=at)
    return _Opened(invitation.id, assessment, patient, clinic)


def _owner(session: Session, session_token: str, *, at: datetime) -> _Opened:
    """Of a session that may be idle, but is of today and whose link was not replaced."""
    row = session.execute(
        select(Assessment, Patient, Clinic, Invitation)
        .join(PatientSession, PatientSession.assessment_id == Assessment.id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .join(Clinic, Clinic.id == Assessment.clinic_id)
        .join(Invitation, Invitation.id == PatientSession.invitation_id)
        .where(
            PatientSession.token_hash == hash_token(session_token),
            PatientSession.ended_at.is_(None),
            PatientSession.created_at > at - RESUMABLE,
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no such session")
    assessment, patient, clinic, invitation = row
    if invitation.superseded_at is not None:
        raise LinkSuperseded(clinic_facts(clinic))
    return _Opened(invitation.id, assessment, patient, clinic)


def _check_open(assessment: Assessment, clinic: Clinic, *, at: datetime) -> None:
    status = _status(assessment, clinic, at=at)
    if status is Status.COMPLETED:
        raise LinkCompleted(clinic_facts(clinic))
    if status is Status.SCHEDULED:
        raise LinkNotOpen(clinic_facts(clinic), assessment.opens_on)
    if status not in ANSWERABLE:
        raise LinkClosed(clinic_facts(clinic))


def _status(assessment: Assessment, clinic: Clinic, *, at: datetime) -> Status:
    window = Window(
        assessment.time_point,
        assessment.opens_on,
        assessment.due_on,
        assessment.overdue_on,
        assessment.closes_on,
        assessment.closed_at,
    )
    # How many parts were submitted only tells two ways of being closed apart, and both are closed here.
    facts = Facts(window, assessment.started_at, assessment.completed_at, assessment.cancelled_at, submitted=0)
    return status_at(facts, at, at.astimezone(ZoneInfo(clinic.time_zone)).date())


def _count(session: Session, opened: _Opened, *, at: datetime) -> None:
    """In one statement, so that simultaneous guesses are counted too.

    The last attempt locks before it is compared, so that the desk is told even if nothing follows; the right date
    takes the lock away again.
    """
    last = Patient.wrong_birth_dates + 1 >= WRONG_DATES_ALLOWED
    counted = session.scalar(
        update(Patient)
        .where(Patient.id == opened.patient.id, Patient.locked_at.is_(None))
        .values(wrong_birth_dates=Patient.wrong_birth_dates + 1, locked_at=case((last, at), else_=null()))
        .returning(Patient.id)
    )
    if counted is None:
        raise LinkLocked(clinic_facts(opened.clinic))


def _compare(session: Session, opened: _Opened, birth_date: date, *, at: datetime) -> Attempt:
    patient, assessment = opened.patient, opened.assessment
    if not hmac.compare_digest(patient.birth_date.isoformat(), birth_date.isoformat()):
        return _after_wrong_date(session, patient, at=at)
    session.execute(update(Patient).where(Patient.id == patient.id).values(wrong_birth_dates=0, locked_at=None))
    token = new_token()
    session.execute(
        insert(PatientSession).values(
            token_hash=hash_token(token),
            invitation_id=opened.invitation_id,
            assessment_id=assessment.id,
            created_at=at,
            seen_at=at,
        )
    )
    subject = f"assessment:{assessment.public_id}"
    _record(session, "assessment.open", patient, at=at, subject=subject)
    return Attempt(token, WRONG_DATES_ALLOWED)


def _after_wrong_date(session: Session, patient: Patient, *, at: datetime) -> Attempt:
    left = max(0, WRONG_DATES_ALLOWED - patient.wrong_birth_dates)
    _record(session, "birth_date.wrong", patient, at=at, subject=None)
    if left == 0:
        _record(session, "links.lock", patient, at=at, subject=None)
    return Attempt(None, left)


def _record(session: Session, action: str, patient: Patient, *, at: datetime, subject: str | None) -> None:
    audit.record(
        session, action, at=at, actor="patient", clinic_id=patient.clinic_id, patient_id=patient.id, subject=subject
    )
