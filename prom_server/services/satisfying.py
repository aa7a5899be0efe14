"""Answers to one assessment stand for another one too: offered to staff, or, where both are open, by the rule.

What is linked counts as answered and is not asked again; with the last part the other assessment is complete. The
other assessment was begun and completed when these answers were, whenever they are linked.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from prom_server.core.enrolment import PatientStopped
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.satisfying import NothingServes, Sent
from prom_server.core.visit import Visit
from prom_server.services import audit, catalogue, finding, linked, serving
from prom_server.services.serving import Facts
from prom_server.store.assessments import Administration, Assessment, Satisfaction
from prom_server.store.courses import Course

SATISFY, UNDONE = "assessment.satisfy", "assessment.satisfy_undone"  # in the audit


# ---- Staff


def use(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Links everything that the rule offers for parts that nobody has begun. A second press changes nothing.

    Raises NotFound, PatientStopped, NothingServes.
    """
    require(by, Action.ENTER_ANSWERS)
    row, _course, patient = finding.assessment(session, assessment_public_id, by=by)
    if patient.stopped:
        raise PatientStopped("withdrawn or deceased")
    hold(session, patient.id)
    facts = serving.facts_of(session, patient.id, by.clinic)
    offered = facts.offered(row.id) if row.id in facts.rows else ()
    if offered:
        _link(session, row, offered, facts, by=by, at=at)
    elif not linked.pairs(session, [row.id]):
        raise NothingServes(row.public_id)


def undo(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """What was linked stands for it no more: its parts are asked again. A second press changes nothing."""
    require(by, Action.ENTER_ANSWERS)
    row, _course, _patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    _undo(session, [row], Satisfaction.assessment_id == row.id, by=by, at=at)


# ---- Others' walks


def by_the_rule(session: Session, visit: Visit, *, at: datetime) -> None:
    """An assessment was just completed: another one that is open today and that nobody has begun need not be asked.

    One statement where there is none. One that somebody else holds is left to staff, and what they undid stays undone.
    """
    day = finding.local_day(at, visit.clinic)
    mine = select(Assessment.course_id).where(Assessment.id == visit.assessment_id).scalar_subquery()
    others = session.scalars(
        select(Assessment)
        .where(
            Assessment.clinic_id == visit.clinic.id,
            Assessment.patient_id == visit.patient_id,
            Assessment.course_id != mine,
            Assessment.started_at.is_(None),
            Assessment.completed_at.is_(None),
            Assessment.cancelled_at.is_(None),
            Assessment.declined_at.is_(None),
            Assessment.opens_on <= day,
            Assessment.closes_on >= day,
            or_(Assessment.closed_at.is_(None), Assessment.closed_at > at),
        )
        .order_by(Assessment.id)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    if not others:
        return
    facts = serving.facts_of(session, visit.patient_id, visit.clinic)
    for row in others:
        known = set(session.scalars(select(Satisfaction.administration_id).where(Satisfaction.assessment_id == row.id)))
        mine_now = [each for each in facts.offered(row.id) if each.assessment_id == visit.assessment_id]
        offered = tuple(each for each in mine_now if each.id not in known)
        if offered:
            _link(session, row, offered, facts, by=None, at=at)


def hold(session: Session, patient_id: int) -> None:
    """All assessments of a patient, always in the same order, for an act on answers that may serve more than one."""
    these = select(Assessment.id).where(Assessment.patient_id == patient_id).order_by(Assessment.id)
    session.execute(these.with_for_update(key_share=True)).all()


def no_longer(session: Session, administration_id: int, *, by: StaffMember, at: datetime) -> None:
    """An administration was entered in error: it stands for nothing else either. The caller holds the assessments."""
    these = (Satisfaction.administration_id == administration_id, Satisfaction.undone_at.is_(None))
    end(session, session.scalars(select(Satisfaction.id).where(*these)).all(), by=by, at=at)


def end(session: Session, link_ids: Collection[int], *, by: StaffMember, at: datetime) -> None:
    """These links stand no more. The caller holds the assessments."""
    theirs = select(Satisfaction.assessment_id).where(Satisfaction.id.in_(link_ids))
    rows = session.scalars(select(Assessment).where(Assessment.id.in_(theirs)).order_by(Assessment.id)).all()
    _undo(session, rows, Satisfaction.id.in_(link_ids), by=by, at=at)


def unstart(session: Session, assessment_ids: Collection[int]) -> None:
    """An assessment of which nothing is left was not begun."""
    own = select(Administration.id).where(
        Administration.assessment_id == Assessment.id, Administration.in_error_at.is_(None)
    )
    standing = (
        select(Satisfaction.id)
        .join(Administration, Administration.id == Satisfaction.administration_id)
        .where(Satisfaction.assessment_id == Assessment.id, *linked.STANDS)
    )
    nothing_left = (Assessment.id.in_(assessment_ids), ~own.exists(), ~standing.exists())
    session.execute(
        update(Assessment).where(*nothing_left).values(started_at=None).execution_options(synchronize_session=False)
    )


# ---- Linked and not


def _link(
    session: Session,
    row: Assessment,
    offered: Sequence[Sent],
    facts: Facts,
    *,
    by: StaffMember | None,
    at: datetime,
) -> None:
    """One that was undone before is linked anew. Its assessment is complete when every part was sent or is linked."""
    again = set(
        session.scalars(
            update(Satisfaction)
            .where(
                Satisfaction.assessment_id == row.id,
                Satisfaction.administration_id.in_([each.id for each in offered]),
            )
            .values(linked_at=at, linked_by=by.id if by else None, undone_at=None)
            .returning(Satisfaction.administration_id)
        )
    )
    session.add_all(
        Satisfaction(assessment_id=row.id, administration_id=each.id, linked_at=at, linked_by=by.id if by else None)
        for each in offered
        if each.id not in again
    )
    session.flush()
    begun = min(each.begun_at for each in offered)
    values: dict[str, object] = {"started_at": func.coalesce(Assessment.started_at, begun)}
    if (done := completed_at(session, row, facts.rows[row.id][1])) is not None:
        values["completed_at"] = done
    session.execute(update(Assessment).where(Assessment.id == row.id).values(**values))
    parts = ", ".join(each.instrument for each in offered)
    said = "; ".join(dict.fromkeys(_said(facts.rows[each.assessment_id]) for each in offered))
    _record(session, SATISFY, row, f"{parts}: answered for {said}", by=by, at=at)


def _said(of: tuple[Assessment, Course]) -> str:
    row, course = of
    return f"{row.time_point} of course {course.number}"


def completed_at(session: Session, row: Assessment, course: Course) -> datetime | None:
    """When the last of its parts was sent, here or elsewhere; None while one is left."""
    battery = catalogue.protocol(course.protocol_id, course.protocol_revision).battery
    standing = [administration for _, administration in linked.pairs(session, [row.id])]
    sent = session.execute(
        select(Administration.instrument_id, Administration.submitted_at, Administration.sent_before_at).where(
            or_(Administration.assessment_id == row.id, Administration.id.in_(standing)),
            Administration.in_error_at.is_(None),
        )
    ).all()
    days = {each.instrument_id: each.submitted_at or each.sent_before_at for each in sent}
    found = [days.get(each) for each in battery]
    return None if None in found else max(each for each in found if each is not None)


def _undo(
    session: Session, rows: Sequence[Assessment], which: ColumnElement[bool], *, by: StaffMember, at: datetime
) -> None:
    for row in rows:
        undone = session.scalars(
            update(Satisfaction)
            .where(Satisfaction.assessment_id == row.id, which, Satisfaction.undone_at.is_(None))
            .values(undone_at=at)
            .returning(Satisfaction.id)
        ).all()
        if not undone:
            continue
        session.execute(update(Assessment).where(Assessment.id == row.id).values(completed_at=None))
        unstart(session, [row.id])
        _record(session, UNDONE, row, None, by=by, at=at)


def _record(
    session: Session, action: str, row: Assessment, detail: str | None, *, by: StaffMember | None, at: datetime
) -> None:
    audit.record(
        session,
        action,
        by=by,
        at=at,
        actor="staff" if by else "system",
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        subject=f"assessment:{row.public_id}",
        detail=detail,
    )
