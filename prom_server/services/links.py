"""Where a private link leads: to its own assessment, or, forwarded, to the one that the patient has open now.

A link is read by scanners, kept in mailboxes and opened late. So looking at one uses nothing up, and one that was
replaced, or whose assessment is over, still leads to the current assessment for a while; after the birth date, always.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.clinics import PatientWords
from prom_server.core.permissions import ClinicFacts
from prom_server.core.refusals import NotFound, Refused
from prom_server.core.schedule import Facts, Status, Window, status_at
from prom_server.core.tokens import hash_token
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.invitations import Invitation
from prom_server.store.patients import Patient

ANSWERABLE = {Status.OPEN, Status.DUE, Status.OVERDUE, Status.IN_PROGRESS}
LEADS_ON = timedelta(days=30)  # after it was replaced, or its assessment was over


class LinkUnknown(NotFound):
    """Nothing is known of it: mistyped, cut off, or made up."""


class LinkRefused(Refused):
    """A known link that opens nothing now. Carries the clinic, so that the page can say whom to call."""

    def __init__(self, clinic: ClinicFacts, opens_on: date | None = None) -> None:
        super().__init__(type(self).__name__)
        self.clinic = clinic
        self.opens_on = opens_on


class LinkSuperseded(LinkRefused):
    """A newer link was made for the same assessment, too long ago or for questions that open later."""


class LinkClosed(LinkRefused):
    """The assessment is cancelled or over."""


class LinkCompleted(LinkRefused):
    """Everything was answered."""


class LinkNotOpen(LinkRefused):
    """The assessment opens later."""


class LinkLocked(LinkRefused):
    """Too many wrong birth dates; the desk can unlock."""


@dataclass(frozen=True, slots=True)
class LinkView:
    clinic: ClinicFacts
    first_look: bool = False  # nobody and nothing has looked at this link before


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link, a handover or a session leads to. `invitation_id`: the assessment's own newest link, if any."""

    invitation_id: int | None
    assessment: Assessment
    patient: Patient
    clinic: Clinic
    handover_id: int | None = None  # on a tablet
    first_look: bool = False


def look_at_link(session: Session, token: str, *, at: datetime) -> LinkView:
    """What a link's page shows. Uses nothing up. Raises LinkUnknown, or a LinkRefused."""
    opened = leads_to(session, token, at=at)
    return LinkView(clinic_facts(opened.clinic), opened.first_look)


def mark_opened(session: Session, token: str, *, at: datetime) -> None:
    """The first look at a link. Whether it was a person or a mail scanner nobody can tell."""
    first = (Invitation.token_hash == hash_token(token), Invitation.opened_at.is_(None))
    session.execute(update(Invitation).where(*first).values(opened_at=at))


def look_at_any(session: Session, token: str) -> LinkView:
    """As `look_at_link`, for what a link is good for even when it opens nothing. Raises LinkUnknown."""
    return LinkView(clinic_facts(_known(session, token)[3]))


def leads_to(session: Session, token: str, *, at: datetime) -> Opened:
    """What the link leads to now. Raises LinkUnknown, or a LinkRefused."""
    invitation, assessment, patient, clinic = _known(session, token)
    if patient.stopped:
        raise LinkClosed(clinic_facts(clinic))  # calmly, and without a word about why
    superseded, status = invitation.superseded_at is not None, status_of(assessment, clinic, at=at)
    unseen = invitation.opened_at is None
    if not superseded and status in ANSWERABLE:
        return Opened(invitation.id, assessment, patient, clinic, first_look=unseen)
    forwards = superseded or status is not Status.SCHEDULED
    if forwards and at - _over_since(invitation, assessment, clinic, at=at) <= LEADS_ON:
        current = _current(session, assessment, clinic, at=at)
        if current is not None:
            newest, own = _newest_link(session, current) or invitation.id, current.id == assessment.id
            return Opened(newest, current, patient, clinic, first_look=unseen and own)
    raise _refusal(assessment, clinic, status, superseded=superseded)


def owner(session: Session, token: str) -> Opened:
    """Whose link it is, whatever it opens. Raises LinkUnknown."""
    invitation, assessment, patient, clinic = _known(session, token)
    return Opened(invitation.id, assessment, patient, clinic)


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
        tuple(PatientWords(language, **said) for language, said in (clinic.patient_words or {}).items()),
        clinic.results_shown,
        clinic.live_at,
        clinic.alert_kiosk_minutes,
        clinic.alert_home_minutes,
        clinic.closed_hours,
        clinic.closed_hours_person,
        clinic.sender_name,
        clinic.reply_to,
        clinic.reminders_at,
        clinic.quiet_from,
        clinic.quiet_to,
    )


def status_of(assessment: Assessment, clinic: Clinic, *, at: datetime) -> Status:
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


def _known(session: Session, token: str) -> tuple[Invitation, Assessment, Patient, Clinic]:
    row = session.execute(
        select(Invitation, Assessment, Patient, Clinic)
        .join(Assessment, Assessment.id == Invitation.assessment_id)
        .join(Patient, Patient.id == Invitation.patient_id)
        .join(Clinic, Clinic.id == Invitation.clinic_id)
        .where(Invitation.token_hash == hash_token(token))
    ).one_or_none()
    if row is None:
        raise LinkUnknown("no such link")
    return row[0], row[1], row[2], row[3]


def _current(session: Session, own: Assessment, clinic: Clinic, *, at: datetime) -> Assessment | None:
    """The link's own assessment where it takes answers; else, of those of the patient that do, the one due first."""
    waiting = session.scalars(
        select(Assessment)
        .where(
            Assessment.clinic_id == clinic.id,
            Assessment.patient_id == own.patient_id,
            Assessment.completed_at.is_(None),
            Assessment.cancelled_at.is_(None),
        )
        .order_by(Assessment.id != own.id, Assessment.due_on, Assessment.id)
    )
    return next((each for each in waiting if status_of(each, clinic, at=at) in ANSWERABLE), None)


def _newest_link(session: Session, assessment: Assessment) -> int | None:
    return session.scalar(
        select(Invitation.id)
        .where(Invitation.assessment_id == assessment.id, Invitation.superseded_at.is_(None))
        .order_by(Invitation.id.desc())
        .limit(1)
    )


def _over_since(invitation: Invitation, assessment: Assessment, clinic: Clinic, *, at: datetime) -> datetime:
    """The first moment from which the link itself opened nothing."""
    midnight = datetime.combine(assessment.closes_on + timedelta(days=1), time(), ZoneInfo(clinic.time_zone))
    ends = (
        invitation.superseded_at,
        assessment.completed_at,
        assessment.cancelled_at,
        assessment.closed_at,
        midnight,
    )
    return min(each for each in (*ends, at) if each is not None)


def _refusal(assessment: Assessment, clinic: Clinic, status: Status, *, superseded: bool) -> LinkRefused:
    facts = clinic_facts(clinic)
    if status is Status.COMPLETED:
        return LinkCompleted(facts)
    if superseded:
        return LinkSuperseded(facts)
    if status is Status.SCHEDULED:
        return LinkNotOpen(facts, assessment.opens_on)
    return LinkClosed(facts)
