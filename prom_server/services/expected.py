"""Who is expected today, from planned infusions and the day list; and who has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.expected import ExpectedDay, ExpectedLine, NotExpected, Waits
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, catalogue, finding, followups, progress, waiting
from prom_server.store.assessments import Assessment
from prom_server.store.base import opaque_id
from prom_server.store.care import Expected
from prom_server.store.courses import Course, Infusion, InfusionDay
from prom_server.store.patients import Patient

ON_ITS_PAGE = 500


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody expected on a day, or here."""

    patient: Patient
    time: str | None
    reason: str | None
    infusion: int | None
    infusions: int | None
    checked_in_at: datetime | None


def expected_day(session: Session, *, by: StaffMember, at: datetime) -> ExpectedDay:
    """Everybody of today."""
    require(by, Action.SEE_FOLLOWUPS)
    found = coming(session, finding.local_day(at, by.clinic), limit=ON_ITS_PAGE, by=by)
    rows = waiting_for(session, found, by=by, at=at)
    done = progress.of_assessments(session, [row[0].id for row in rows])
    audit.record(session, "expected.view", by=by, at=at)
    return day_view(found, rows, done, by=by, at=at, limit=ON_ITS_PAGE)


def coming(session: Session, on: date, *, limit: int, by: StaffMember) -> list[Coming]:
    """Those who are still to come, by time, then those who are here; one more than `limit`, if there is."""
    given = (
        select(func.count(Infusion.id))
        .where(Infusion.course_id == InfusionDay.course_id, Infusion.in_error_at.is_(None))
        .correlate(InfusionDay)
        .scalar_subquery()
    )
    number = case((InfusionDay.infusion_id.is_(None), given + 1), else_=given).label("infusion")
    planned = (InfusionDay.planned_on == on, InfusionDay.cancelled_at.is_(None), InfusionDay.missed_at.is_(None))
    asked = (Patient.withdrawn_at.is_(None), Patient.deceased_on.is_(None))
    listed = _listed(by, on, limit).subquery()
    with_times = session.execute(
        select(Expected, Patient, Course, number)
        .join(listed, listed.c.id == Expected.id)
        .join(Patient, Patient.id == Expected.patient_id)
        .outerjoin(InfusionDay, and_(InfusionDay.patient_id == Expected.patient_id, *planned))
        .outerjoin(Course, Course.id == InfusionDay.course_id)
        .where(*asked)
    ).all()
    unlisted = _unlisted(by, on, limit).subquery()
    without = session.execute(
        select(Patient, Course, number)
        .join(InfusionDay, InfusionDay.patient_id == Patient.id)
        .join(unlisted, unlisted.c.id == InfusionDay.id)
        .join(Course, Course.id == InfusionDay.course_id)
        .where(*asked)
        .order_by(InfusionDay.id)
    ).all()
    found: dict[int, Coming] = {}
    for each in (*(_coming(*row) for row in with_times), *(_coming(None, *row) for row in without)):
        found.setdefault(each.patient.id, each)
    return sorted(found.values(), key=lambda each: (each.checked_in_at is not None, each.time or "~", each.patient.id))


def _listed(by: StaffMember, on: date, limit: int) -> Select[int]:
    """On the list or checked in. Who had the infusion of that day without a check-in is no longer expected."""
    given = select(InfusionDay.id).where(
        InfusionDay.clinic_id == by.clinic.id,
        InfusionDay.planned_on == on,
        InfusionDay.patient_id == Expected.patient_id,
        InfusionDay.infusion_id.is_not(None),
    )
    here = Expected.checked_in_at.is_not(None)
    return (
        select(Expected.id)
        .where(Expected.clinic_id == by.clinic.id, Expected.on == on, Expected.cancelled_at.is_(None))
        .where(or_(here, ~given.exists()))
        .order_by(here, Expected.time.is_(None), Expected.time, Expected.id)
        .limit(limit + 1)
    )


def _unlisted(by: StaffMember, on: date, limit: int) -> Select[int]:
    """Infusions planned for that day of those whom no list names."""
    listed = select(Expected.id).where(
        Expected.clinic_id == by.clinic.id,
        Expected.on == on,
        Expected.patient_id == InfusionDay.patient_id,
        Expected.cancelled_at.is_(None),
    )
    return (
        select(InfusionDay.id)
        .where(InfusionDay.clinic_id == by.clinic.id, InfusionDay.planned_on == on)
        .where(InfusionDay.cancelled_at.is_(None), InfusionDay.missed_at.is_(None), InfusionDay.infusion_id.is_(None))
        .where(~listed.exists())
        .order_by(InfusionDay.id)
        .limit(limit + 1)
    )


def _coming(listed: Expected | None, patient: Patient, course: Course | None, infusion: int | None) -> Coming:
    return Coming(
        patient,
        listed.time if listed else None,
        (listed.reason or None) if listed else None,
        infusion if course else None,
        (catalogue.protocol_of(course).planned_infusions or None) if course else None,
        listed.checked_in_at if listed else None,
    )


def waiting_for(session: Session, found: Sequence[Coming], *, by: StaffMember, at: datetime) -> Sequence[waiting.Line]:
    """Rows of `waiting.lines` of these patients: what they can answer now, what closes first at the head."""
    if not found:
        return ()
    mine = Assessment.patient_id.in_([each.patient.id for each in found])
    statement = waiting.lines().where(mine, *waiting.accepting(by, at))
    return session.execute(statement.order_by(Assessment.closes_on, Assessment.id)).all()


def day_view(
    found: Sequence[Coming],
    rows: Sequence[waiting.Line],
    done: Mapping[int, progress.Progress],
    *,
    by: StaffMember,
    at: datetime,
    limit: int,
) -> ExpectedDay:
    waits: dict[int, Waits] = {}
    for row in rows:
        line = followups.line(row, done.get(row[0].id, progress.NONE), by=by, at=at)
        waits.setdefault(row[2].id, Waits(line.assessment_id, line.name, line.answered, line.items))
    shown = tuple(
        ExpectedLine(
            finding.ref(each.patient),
            each.time,
            each.reason,
            each.infusion,
            each.infusions,
            each.checked_in_at,
            waits.get(each.patient.id),
        )
        for each in found[:limit]
    )
    return ExpectedDay(finding.local_day(at, by.clinic), shown, more=len(found) > limit)


# ---- Check in


def check_in(session: Session, patient_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """The patient is here. Expected or not; a second press changes nothing. Raises NotExpected, NotFound."""
    require(by, Action.CHECK_IN)
    patient = finding.patient(session, patient_public_id, by=by)
    if patient.stopped:
        raise NotExpected("withdrawn or deceased")
    on = finding.local_day(at, by.clinic)
    values = {"public_id": opaque_id(), "clinic_id": by.clinic.id, "patient_id": patient.id, "on": on}
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(Expected).values(values).on_conflict_do_nothing())
    came = (
        update(Expected)
        .where(*_of(patient, on), or_(Expected.checked_in_at.is_(None), Expected.cancelled_at.is_not(None)))
        .values(checked_in_at=at, checked_in_by=by.id, cancelled_at=None)
    )
    if session.scalar(came.returning(Expected.id)) is not None:
        audit.record(session, "patient.check_in", by=by, at=at, patient_id=patient.id)


def undo_check_in(session: Session, patient_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """It was somebody else. Who is on the day list, or has an infusion planned, is expected again.

    Only a day list gives a reason, an empty one where it says none.
    """
    require(by, Action.CHECK_IN)
    patient = finding.patient(session, patient_public_id, by=by)
    at_once = literal(at, Expected.cancelled_at.type)
    undone = (
        update(Expected)
        .where(*_of(patient, finding.local_day(at, by.clinic)), Expected.checked_in_at.is_not(None))
        .values(checked_in_at=None, checked_in_by=None, cancelled_at=case((Expected.reason.is_(None), at_once)))
    )
    if session.scalar(undone.returning(Expected.id)) is not None:
        audit.record(session, "patient.check_in_undone", by=by, at=at, patient_id=patient.id)


def _of(patient: Patient, on: date) -> tuple[Any, ...]:
    return (Expected.clinic_id == patient.clinic_id, Expected.patient_id == patient.id, Expected.on == on)
