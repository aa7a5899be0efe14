"""A patient's session on a tablet: it covers itself, it is resumed by the birth date alone, it ends.

All of it is computed from when the session was last seen, so that it holds whatever the tablet's browser does.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prom_server.core.kiosks import Attendance, Presence
from prom_server.core.tokens import hash_token
from prom_server.services.visits import TABLET_TOUCH_AFTER, TabletOver, clinic_facts, presence_of, times_of
from prom_server.store.assessments import Assessment
from prom_server.store.clinics import Clinic
from prom_server.store.invitations import PatientSession
from prom_server.store.kiosks import Handover


def attendance(session: Session, token: str, *, at: datetime, given_at: datetime | None = None) -> Attendance:
    """Whether the patient of this session is here. Raises TabletOver when it is over, or no tablet's.

    `given_at` as in `visits.presence_of`, of an answer that arrives.
    """
    row = session.execute(
        select(PatientSession, Clinic, Handover.device_id)
        .join(Assessment, Assessment.id == PatientSession.assessment_id)
        .join(Clinic, Clinic.id == Assessment.clinic_id)
        .join(Handover, Handover.id == PatientSession.handover_id)
        .where(PatientSession.token_hash == hash_token(token))
    ).one_or_none()
    if row is None:
        raise TabletOver("no session")
    mine, clinic, device_id = row
    presence = presence_of(mine, clinic, at=at, given_at=given_at)
    if presence is Presence.GONE:
        raise TabletOver("over")
    stale = presence is Presence.HERE and at - mine.seen_at > TABLET_TOUCH_AFTER
    return Attendance(clinic_facts(clinic), times_of(clinic), presence, stale, device_id)


def touch(session: Session, token: str, now: Attendance, *, at: datetime) -> None:
    """Somebody is here. Never uncovers what another request has just covered, or revives what ended."""
    covers = at - timedelta(seconds=now.times.cover_after)
    mine = (PatientSession.token_hash == hash_token(token), PatientSession.ended_at.is_(None))
    session.execute(update(PatientSession).where(*mine, PatientSession.seen_at >= covers).values(seen_at=at))


def cover(session: Session, token: str, now: Attendance, *, at: datetime) -> None:
    """From this moment the page is covered, however long ago the last request was."""
    since = at - timedelta(seconds=now.times.cover_after + 1)
    mine = (PatientSession.token_hash == hash_token(token), PatientSession.seen_at > since)
    session.execute(update(PatientSession).where(*mine).values(seen_at=since))


def seconds_left(session: Session, token: str, now: Attendance, *, at: datetime) -> int:
    """Until a covered session ends."""
    seen = session.scalar(
        select(func.max(PatientSession.seen_at)).where(PatientSession.token_hash == hash_token(token))
    )
    ends = (seen or at) + timedelta(seconds=now.times.cover_after + now.times.end_after)
    return max(0, round((ends - at).total_seconds()))
