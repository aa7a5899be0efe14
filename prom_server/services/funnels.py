"""Counts how far the assessments of a period got. Counts only: no patient is in what it returns.

It reads all assessments of the clinic and counts those that were due in the period, so it costs in proportion to all of
them. It is asked rarely, and nobody else waits for it: who looks is written down before, in a transaction of its own.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, ScalarSelect, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from prom_server.core.funnel import Apart, Facts, Funnel, funnel
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, finding, followups
from prom_server.store.assessments import Administration, Assessment, Satisfaction
from prom_server.store.invitations import Invitation, PatientSession
from prom_server.store.kiosks import Handover
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient

BY_HAND = "link"


def note(session: Session, first: date, last: date, *, action: str, by: StaffMember, at: datetime) -> None:
    """That somebody looks, for the audit; before they do."""
    require(by, Action.SEE_FOLLOWUPS)
    audit.record(session, action, by=by, at=at, detail=f"{first} to {last}")


def funnel_page(session: Session, first: date, last: date, *, by: StaffMember, at: datetime) -> Funnel:
    """Of the assessments that were due on these days, both included. It only reads."""
    require(by, Action.SEE_FOLLOWUPS)
    rows = session.execute(_counted(first, last, by=by, at=at))
    found = [(_facts(row), row.number) for row in rows]
    return funnel(first, last, found, followups.names())


def _facts(row: Any) -> Facts:
    stopped = Apart(row.stopped) if row.stopped else None
    flags = {name: bool(getattr(row, name)) for name in Facts.__slots__ if name not in _TEXTS}
    return Facts(row.time_point, stopped=stopped, link=row.link, mode=row.mode, by_link=row.by_link, **flags)


_TEXTS = {"time_point", "stopped", "link", "mode", "by_link"}


def _counted(first: date, last: date, *, by: StaffMember, at: datetime) -> Select[*tuple[Any, ...]]:
    """How many of each kind: the database counts, so that what comes back is short however many there are."""
    link_at = _last_link(func.max(Invitation.created_at))
    handed_at = select(func.max(Handover.created_at)).where(Handover.assessment_id == Assessment.id)
    handed = handed_at.correlate(Assessment).scalar_subquery()
    each = (
        select(
            Assessment.time_point,
            (Assessment.opens_on > finding.local_day(at, by.clinic)).label("to_come"),
            Assessment.cancelled_at.is_not(None).label("cancelled"),
            Assessment.declined_at.is_not(None).label("declined"),
            _stopped().label("stopped"),
            _last_channel().label("link"),
            func.coalesce(handed >= link_at, handed.is_not(None)).label("tablet"),
            _any(Invitation, Invitation.opened_at.is_not(None)).label("opened"),
            _any(PatientSession).label("identified"),
            Assessment.started_at.is_not(None).label("started"),
            Assessment.completed_at.is_not(None).label("finished"),
            func.coalesce(_mode(), _mode_elsewhere()).label("mode"),
            _channel_of_visit().label("by_link"),
        )
        .join(Patient, Patient.id == Assessment.patient_id)
        .where(Assessment.clinic_id == by.clinic.id, Assessment.due_on.between(first, last))
        .subquery()
    )
    return select(*each.c, func.count().label("number")).group_by(*each.c)


def _stopped() -> ColumnElement[str | None]:
    """The patient withdrew or died before it was done; what had closed by then is counted as what it was."""
    withdrew = _ended(Assessment.closed_at >= Patient.withdrawn_at)
    died = _ended(func.date(Assessment.closed_at, type_=Date) >= Patient.deceased_on)
    return case(
        (and_(Patient.deceased_on.is_not(None), died), literal(Apart.DECEASED.value)),
        (and_(Patient.withdrawn_at.is_not(None), withdrew), literal(Apart.WITHDRAWN.value)),
    )


def _ended(closed_then: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(Assessment.cancelled_at.is_not(None), and_(Assessment.started_at.is_not(None), closed_then))


# ---- Links


def _went_out() -> ColumnElement[bool]:
    """Handed over by staff, or in a message that left, may have left, or was written down where none leaves."""
    left = or_(Message.sent_at.is_not(None), Message.unclear_at.is_not(None), Message.logged_at.is_not(None))
    return or_(Invitation.message_id.is_(None), left)


def _links(what: Any) -> Select[Any]:
    """Of the links of an assessment, with the message that carried each."""
    rows = select(what).select_from(Invitation).outerjoin(Message, Message.id == Invitation.message_id)
    return rows.where(Invitation.assessment_id == Assessment.id).correlate(Assessment)


def _last_link(what: Any) -> ScalarSelect[Any]:
    return _links(what).where(_went_out()).scalar_subquery()


def _last_channel() -> ScalarSelect[str | None]:
    channel = func.coalesce(Message.channel, BY_HAND)
    return _links(channel).where(_went_out()).order_by(Invitation.id.desc()).limit(1).scalar_subquery()


def _channel_of_visit() -> ScalarSelect[str | None]:
    """Of the link by which the patient had come in when the first answers were begun."""
    rows = (
        select(func.coalesce(Message.channel, BY_HAND))
        .select_from(PatientSession)
        .join(Invitation, Invitation.id == PatientSession.invitation_id)
        .outerjoin(Message, Message.id == Invitation.message_id)
        .where(PatientSession.assessment_id == Assessment.id, PatientSession.created_at <= Assessment.started_at)
    )
    return rows.order_by(PatientSession.id.desc()).limit(1).correlate(Assessment).scalar_subquery()


def _any(of: type[Invitation] | type[PatientSession], *facts: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(of.assessment_id == Assessment.id, *facts).correlate(Assessment)


# ---- Answers


def _mode() -> ScalarSelect[str | None]:
    """How it was begun. Of a battery that staff begin other parts wait for theirs: what has no answers counts last."""
    mine = (Administration.assessment_id == Assessment.id, Administration.in_error_at.is_(None))
    order = (Administration.sequence == 0, Administration.entered_by.is_(None), Administration.position)
    rows = select(Administration.mode).where(*mine).order_by(*order)
    return rows.limit(1).correlate(Assessment).scalar_subquery()


def _mode_elsewhere() -> ScalarSelect[str | None]:
    """Of answers that were given to another assessment and serve this one too."""
    rows = (
        select(Administration.mode)
        .join(Satisfaction, Satisfaction.administration_id == Administration.id)
        .where(Satisfaction.assessment_id == Assessment.id, Satisfaction.undone_at.is_(None))
        .order_by(Administration.position)
    )
    return rows.limit(1).correlate(Assessment).scalar_subquery()
