"""The desk's first page: what presses most first. Every list is short and read from the front of an index."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select, union
from sqlalchemy.orm import Session

from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.worklist import Answering, Filter, FollowUp, FollowUps, Today
from prom_server.services import (
    alerting,
    audit,
    expected,
    finding,
    followups,
    handovers,
    heartbeats,
    loose_ends,
    outbox,
    progress,
    reopening,
    waiting,
)
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.care import Expected
from prom_server.store.kiosks import Device, Handover

LISTED = 8
IN_CLINIC = 25
ARRIVALS = 60  # the latest are looked through; the day list has all
BEGUN_WITHIN = timedelta(hours=24)

Lines = Sequence[waiting.Line]


def today(session: Session, *, by: StaffMember, at: datetime) -> Today:
    """Flags, besides, what was begun a day ago and never reached an item with an alert rule."""
    require(by, Action.SEE_FOLLOWUPS)
    flagged = alerting.flag_unreached(session, by.clinic.id, at=at)
    audit.record(session, "today.view", by=by, at=at)
    points = waiting.time_points(session, by=by)
    follow_ups = session.execute(
        waiting.first(Filter(declined=False), points, limit=LISTED + 1, by=by, at=at),
    ).all()
    coming = expected.coming(session, finding.local_day(at, by.clinic), limit=LISTED, by=by)
    arrivals = expected.waiting_for(session, coming, by=by, at=at)
    here, out = _here(session, by=by, at=at), loose_ends.unanswered(session, by=by, at=at)
    shown = (*follow_ups, *arrivals, *here, *out)
    done = progress.of_assessments(session, {row[0].id for row in shown})

    def lines(rows: Lines) -> tuple[FollowUp, ...]:
        return tuple(followups.line(row, done.get(row[0].id, progress.NONE), by=by, at=at) for row in rows)

    return Today(
        follow_ups=FollowUps(
            lines(follow_ups[:LISTED]),
            follow_ups[LISTED - 1][0].public_id if len(follow_ups) > LISTED else None,
            waiting.counts(session, points, by=by, at=at),
            followups.choices(points),
        ),
        answering=tuple(
            Answering(line, row.arrived_at, row.handed_to, row.mode)
            for row, line in zip(here, lines(here), strict=True)
        ),
        expected=expected.day_view(coming, arrivals, done, by=by, at=at, limit=LISTED),
        unanswered=lines(out),
        to_finish=loose_ends.to_finish(session, by=by, at=at),
        locked=loose_ends.locked(session, by=by),
        short=reopening.short_today(session, by=by, at=at),
        undelivered=outbox.trouble(session, limit=LISTED, by=by),
        late_tasks=heartbeats.late(session, at),
        flagged=flagged,
    )


# ---- In the clinic, or answering


def _here(session: Session, *, by: StaffMember, at: datetime) -> Lines:
    """What those can answer who were checked in today, what waits on a tablet or for a code, what was begun lately.

    The latest arrival first, then those who are elsewhere.
    """
    chosen = union(*(select(each.subquery().c.id) for each in (_arrived(by, at), _handed(by, at), _begun(by, at))))
    arrived_at = (
        select(Expected.checked_in_at)
        .where(*_in_clinic(by, at), Expected.patient_id == Assessment.patient_id)
        .correlate(Assessment)
        .scalar_subquery()
    )
    handed_to = (
        select(func.coalesce(Device.name, ""))
        .select_from(Handover)
        .outerjoin(Device, Device.id == Handover.device_id)
        .where(Handover.assessment_id == Assessment.id, Handover.expires_at > at, *handovers.WAITS)
        .order_by(Handover.id.desc())
        .limit(1)
        .correlate(Assessment)
        .scalar_subquery()
    )
    mode = (
        select(Administration.mode)
        .where(Administration.assessment_id == Assessment.id, Administration.in_error_at.is_(None))
        .order_by(Administration.started_at.desc())
        .limit(1)
        .correlate(Assessment)
        .scalar_subquery()
    )
    arrived, handed, how = arrived_at.label("arrived_at"), handed_to.label("handed_to"), mode.label("mode")
    rows = waiting.lines().add_columns(arrived, handed, how)
    rows = rows.where(Assessment.id.in_(chosen), *waiting.accepting(by, at))
    latest = (arrived.is_(None), arrived.desc(), Assessment.started_at.desc(), Assessment.closes_on, Assessment.id)
    return session.execute(rows.order_by(*latest)).all()


def _in_clinic(by: StaffMember, at: datetime) -> tuple[ColumnElement[bool], ...]:
    today_s = (Expected.clinic_id == by.clinic.id, Expected.on == finding.local_day(at, by.clinic))
    return (*today_s, Expected.cancelled_at.is_(None), Expected.checked_in_at.is_not(None))


def _arrived(by: StaffMember, at: datetime) -> Select[int]:
    arrivals = select(Expected.patient_id, Expected.checked_in_at).where(*_in_clinic(by, at))
    latest = arrivals.order_by(Expected.checked_in_at.desc()).limit(ARRIVALS).subquery()
    rows = select(Assessment.id).join(latest, latest.c.patient_id == Assessment.patient_id)
    return rows.where(*waiting.accepting(by, at)).order_by(latest.c.checked_in_at.desc()).limit(IN_CLINIC)


def _handed(by: StaffMember, at: datetime) -> Select[int]:
    ready = (Handover.clinic_id == by.clinic.id, Handover.expires_at > at, *handovers.WAITS)
    return (
        select(Handover.assessment_id.label("id")).where(*ready).order_by(Handover.expires_at.desc()).limit(IN_CLINIC)
    )


def _begun(by: StaffMember, at: datetime) -> Select[int]:
    lately = (Assessment.started_at > at - BEGUN_WITHIN, *waiting.open_now(by, at))
    return select(Assessment.id).where(*lately).order_by(Assessment.started_at.desc()).limit(LISTED)
