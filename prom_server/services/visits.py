"""Opens a private link: the birth date identifies, a session follows, for one assessment only."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.kiosks import Presence, Times
from prom_server.core.permissions import ClinicFacts
from prom_server.core.refusals import NotFound, Refused
from prom_server.core.tokens import hash_token, new_token
from prom_server.core.visit import Visit
from prom_server.services import birth_dates, catalogue
from prom_server.services.links import (
    ANSWERABLE,
    LinkClosed,
    LinkCompleted,
    LinkLocked,
    LinkNotOpen,
    LinkRefused,
    LinkSuperseded,
    LinkUnknown,
    LinkView,
    Opened,
    clinic_facts,
    leads_to,
    look_at_link,
    mark_opened,
    status_of,
)
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.invitations import PatientSession
from prom_server.store.patients import Patient

__all__ = [  # of services.links, for the edges: a link is the beginning of a visit
    "LinkClosed",
    "LinkCompleted",
    "LinkLocked",
    "LinkNotOpen",
    "LinkRefused",
    "LinkSuperseded",
    "LinkUnknown",
    "LinkView",
    "clinic_facts",
    "look_at_link",
    "mark_opened",
]

IDLE = timedelta(minutes=30)
AT_MOST = timedelta(hours=4)
RESUMABLE = timedelta(hours=24)  # by the birth date alone; later the link is needed again
TOUCH_AFTER = timedelta(minutes=1)
TABLET_TOUCH_AFTER = timedelta(seconds=3)  # of the seconds after which a tablet covers itself, these may be missing


_OF_SESSION = (  # built once, because every page and every answer asks it
    select(PatientSession, Assessment, Clinic, Patient.language, Course.protocol_id, Course.protocol_revision)
    .join(Assessment, Assessment.id == PatientSession.assessment_id)
    .join(Patient, Patient.id == Assessment.patient_id)
    .join(Course, Course.id == Assessment.course_id)
    .join(Clinic, Clinic.id == Assessment.clinic_id)
    .where(PatientSession.token_hash == bindparam("token_hash"))
)


class SessionOver(Refused):
    """No session, or idle for too long: the birth date is asked again."""


class TabletCovered(SessionOver):
    """On a tablet, nobody has touched it for a while: the page is covered, and the birth date alone resumes."""


class TabletOver(SessionOver):
    """On a tablet, the session ended or is unknown. What was answered is kept; the desk can start it again."""


class AssessmentClosed(Refused):
    """The window closed, or staff cancelled it. What was given before is kept. Carries the clinic: whom to call."""

    def __init__(self, clinic: ClinicFacts) -> None:
        super().__init__("closed")
        self.clinic = clinic


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a birth date: a session's token, or None and how many tries are left."""

    token: str | None
    left: int
    assessment: str | None = None  # that the session is for: its opaque id


def count_attempt(session: Session, token: str, *, at: datetime) -> None:
    """Counts one attempt at the birth date. Commit it before `identify` compares. Raises LinkLocked."""
    _count(session, leads_to(session, token, at=at), at=at)


def identify(session: Session, token: str, birth_date: date, *, at: datetime) -> Attempt:
    """Compares an attempt that was counted; the right date opens a session for the link's assessment.

    After the last wrong one allowed the patient's links are locked, and the desk is told.
    """
    return open_by_birth_date(session, leads_to(session, token, at=at), birth_date, at=at)


def count_resumption(session: Session, session_token: str, *, at: datetime) -> None:
    """As `count_attempt`, for a session that was idle too long."""
    _count(session, _owner(session, session_token, at=at), at=at)


def resume(session: Session, session_token: str, birth_date: date, *, at: datetime) -> Attempt:
    """As `identify`, for a session that was idle too long: opens a new one for the same assessment."""
    attempt = open_by_birth_date(session, _owner(session, session_token, at=at), birth_date, at=at)
    if attempt.token is not None:
        _end_on_tablet(session, session_token, at=at)
    return attempt


def look_at_session(session: Session, session_token: str, *, at: datetime) -> LinkView:
    """Whose clinic an idle session belongs to. Raises NotFound, or a LinkRefused."""
    return LinkView(clinic_facts(_owner(session, session_token, at=at).clinic))


def of_session(session: Session, session_token: str | None, *, at: datetime, given_at: datetime | None = None) -> Visit:
    """The visit of a live session. Raises SessionOver; on a tablet TabletCovered or TabletOver.

    `given_at`, of an answer that is on its way, takes what a covered tablet still sends: see `presence_of`. The
    assessment is open where it is now or was then.
    """
    row = session.execute(_OF_SESSION, {"token_hash": hash_token(session_token or "")}).one_or_none()
    if row is None:
        raise SessionOver("no session")
    mine, assessment, clinic, language, protocol_id, revision = row
    protocol = catalogue.protocol(protocol_id, revision)
    presence = presence_of(mine, clinic, at=at, given_at=given_at)
    on_tablet = mine.handover_id is not None
    if presence is Presence.GONE:
        raise TabletOver("over") if on_tablet else SessionOver("idle")
    if presence is Presence.COVERED and given_at is None:
        raise TabletCovered("covered")
    return Visit(
        session_id=mine.id,
        assessment_id=assessment.id,
        assessment=assessment.public_id,
        battery=protocol.battery,
        patient_id=assessment.patient_id,
        clinic=clinic_facts(clinic),
        language=language,
        stale=presence is Presence.HERE and at - mine.seen_at > (TABLET_TOUCH_AFTER if on_tablet else TOUCH_AFTER),
        mode="kiosk" if on_tablet else "own_device",
        open=any(status_of(assessment, clinic, at=each) in ANSWERABLE for each in (at, given_at or at)),
        completed=assessment.completed_at is not None,
        items_per_screen=protocol.items_per_screen if on_tablet else 1,
        alerts=protocol.alerts,
    )


def times_of(clinic: Clinic) -> Times:
    return Times(clinic.kiosk_cover_after, clinic.kiosk_end_after, clinic.kiosk_thanks_for)


def presence_of(mine: PatientSession, clinic: Clinic, *, at: datetime, given_at: datetime | None = None) -> Presence:
    """Computed from when the session was last seen: no job has to end it.

    `given_at` is when an answer was given on a tablet that could not send it at once. The patient was there then; so a
    session that nobody has ended, only time, takes it still, and is covered at most: it shows nothing more.
    """
    now = _presence(mine, clinic, at=at)
    in_time = given_at is not None and mine.created_at <= given_at and at - mine.created_at <= AT_MOST
    if now is not Presence.GONE or given_at is None or not in_time or mine.handover_id is None:
        return now
    then = _presence(mine, clinic, at=given_at)
    return Presence.GONE if then is Presence.GONE else Presence.COVERED


def _presence(mine: PatientSession, clinic: Clinic, *, at: datetime) -> Presence:
    if mine.ended_at is not None or at - mine.created_at > AT_MOST:
        return Presence.GONE
    if mine.handover_id is not None:
        return times_of(clinic).presence(at - mine.seen_at)
    return Presence.GONE if at - mine.seen_at > IDLE else Presence.HERE


def require_open(visit: Visit, *, unless: bool = False) -> None:
    """Raises AssessmentClosed when answers are no longer accepted."""
    if not visit.open and not unless:
        raise AssessmentClosed(visit.clinic)


def touch(session: Session, visit: Visit, *, at: datetime) -> None:
    session.execute(update(PatientSession).where(PatientSession.id == visit.session_id).values(seen_at=at))


def end(session: Session, session_token: str, *, at: datetime) -> None:
    mine = PatientSession.token_hash == hash_token(session_token)
    session.execute(update(PatientSession).where(mine, PatientSession.ended_at.is_(None)).values(ended_at=at))


def _owner(session: Session, session_token: str, *, at: datetime) -> Opened:
    """Of a session that may be idle, but is of today. A link that was replaced meanwhile leads here all the same."""
    row = session.execute(
        select(PatientSession, Assessment, Patient, Clinic)
        .join(Assessment, Assessment.id == PatientSession.assessment_id)
        .join(Patient, Patient.id == Assessment.patient_id)
        .join(Clinic, Clinic.id == Assessment.clinic_id)
        .where(
            PatientSession.token_hash == hash_token(session_token),
            PatientSession.ended_at.is_(None),
            PatientSession.created_at > at - RESUMABLE,
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no such session")
    mine, assessment, patient, clinic = row
    if mine.handover_id is not None and presence_of(mine, clinic, at=at) is Presence.GONE:
        raise TabletOver("over")
    return Opened(mine.invitation_id, assessment, patient, clinic, mine.handover_id)


def _end_on_tablet(session: Session, session_token: str, *, at: datetime) -> None:
    """Whoever resumes on a tablet has a new session, and the one before opens nothing more."""
    mine = (PatientSession.token_hash == hash_token(session_token), PatientSession.handover_id.is_not(None))
    session.execute(update(PatientSession).where(*mine, PatientSession.ended_at.is_(None)).values(ended_at=at))


def _count(session: Session, opened: Opened, *, at: datetime) -> None:
    birth_dates.count(session, opened.patient, opened.clinic, at=at)


def open_by_birth_date(session: Session, opened: Opened, birth_date: date, *, at: datetime) -> Attempt:
    """Compares an attempt that was counted; the right date opens a session."""
    left = birth_dates.check(session, opened.patient, birth_date, at=at)
    if left is not None:
        return Attempt(None, left)
    token = new_token()
    session.execute(
        insert(PatientSession).values(
            token_hash=hash_token(token),
            invitation_id=opened.invitation_id,
            handover_id=opened.handover_id,
            assessment_id=opened.assessment.id,
            created_at=at,
            seen_at=at,
        )
    )
    subject = f"assessment:{opened.assessment.public_id}"
    birth_dates.record(session, "assessment.open", opened.patient, at=at, subject=subject)
    return Attempt(token, birth_dates.WRONG_DATES_ALLOWED, opened.assessment.public_id)
