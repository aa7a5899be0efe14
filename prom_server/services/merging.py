"""Two records of one person: compared, made one, and parted again.

The record that goes stays, empty, and leads to the one that is kept. Every value that changes is written down with what
it was, so that undoing gives back exactly that; audit lines keep the patient they were written for.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from prom_server.core.merging import (
    ADDRESSES,
    BirthDatesDiffer,
    CannotMerge,
    SamePatient,
    columns_of,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, finding, ledger, merge_views
from prom_server.services.numbers import place_courses, swap_numbers
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Assessment
from prom_server.store.base import Base, opaque_id
from prom_server.store.care import Expected, OpioidDose
from prom_server.store.contact import Call, Channel, Ringing
from prom_server.store.courses import Course, InfusionDay
from prom_server.store.imports import Merge
from prom_server.store.invitations import Invitation
from prom_server.store.kiosks import Handover
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient

# Rows that become the other patient's as they are. Courses, addresses and expected days have rules of their own.
MOVED: tuple[type[Base], ...] = (Assessment, InfusionDay, Alert, Invitation, Handover, OpioidDose, Call, Message)


def merge(
    session: Session,
    kept_public_id: str,
    gone_public_id: str,
    from_gone: frozenset[str] = frozenset(),
    *,
    although_born_apart: bool = False,
    by: StaffMember,
    at: datetime,
) -> str:
    """`from_gone` names what the kept record takes over. Returns the merge's public id.

    Raises SamePatient, CannotMerge, BirthDatesDiffer unless somebody said that it is one person all the same.
    """
    require(by, Action.EDIT_PATIENTS)
    kept, gone = _both(session, kept_public_id, gone_public_id, by=by)
    if blocks := merge_views.blocks(session, kept, gone):
        raise CannotMerge(blocks)
    if kept.birth_date != gone.birth_date and not although_born_apart:
        raise BirthDatesDiffer("second confirmation")
    public_id = opaque_id()
    values = {"public_id": public_id, "clinic_id": by.clinic.id, "kept_id": kept.id, "gone_id": gone.id}
    values |= {"merged_by": by.id, "merged_at": at}
    merge_id = session.execute(insert(Merge).values(values).returning(Merge.id)).scalar_one()
    _take_values(session, merge_id, kept, gone, from_gone)
    _take_addresses(session, merge_id, kept, gone, from_gone, at=at)
    _take_courses(session, merge_id, kept, gone)
    for model in MOVED:
        ledger.move(session, merge_id, model, _ids(session, model, gone), gone.id, kept.id)
    _take_expected(session, merge_id, kept, gone, at=at)
    if not _ids(session, Ringing, kept):  # of two calls that are going on, each ends by itself
        ledger.move(session, merge_id, Ringing, _ids(session, Ringing, gone), gone.id, kept.id)
    ledger.change(session, merge_id, gone, merged_into_id=kept.id)
    if "record_number" in from_gone:
        _swap_numbers(session, merge_id, kept, gone)
    _record(session, "patient.merge", public_id, kept, gone, by=by, at=at)
    return public_id


def _both(session: Session, kept_id: str, gone_id: str, *, by: StaffMember) -> tuple[Patient, Patient]:
    """Both held, in one order whichever is kept: two merges never wait for each other."""
    if kept_id == gone_id:
        finding.patient(session, kept_id, by=by)
        raise SamePatient("the same record")
    held = {each: finding.patient(session, each, by=by, lock=True) for each in sorted((kept_id, gone_id))}
    return held[kept_id], held[gone_id]


def _ids(session: Session, model: type[Base], of: Patient) -> Sequence[int]:
    table = Base.metadata.tables[model.__tablename__]
    return session.scalars(select(table.c.id).where(table.c.patient_id == of.id).order_by(table.c.id)).all()


def _record(
    session: Session, action: str, merge: str, kept: Patient, gone: Patient, *, by: StaffMember, at: datetime
) -> None:
    """A line of each of the two."""
    for row in (kept, gone):
        detail = f"kept: {kept.public_id}\ngone: {gone.public_id}"
        audit.record(session, action, by=by, at=at, patient_id=row.id, subject=f"merge:{merge}", detail=detail)


# ---- Values and addresses


def _take_values(session: Session, merge_id: int, kept: Patient, gone: Patient, from_gone: frozenset[str]) -> None:
    """Who opted out on one record has opted out. A new date of birth unlocks links that the wrong one had locked."""
    columns = columns_of(from_gone - {"record_number"})
    values = {name: getattr(gone, name) for name in columns}
    values["reminders_off_at"] = kept.reminders_off_at or gone.reminders_off_at
    if values.get("birth_date", kept.birth_date) != kept.birth_date:
        values |= {"wrong_birth_dates": 0, "locked_at": None}
    ledger.change(session, merge_id, kept, **values)


def _swap_numbers(session: Session, merge_id: int, kept: Patient, gone: Patient) -> None:
    """Last of all: from then on nobody else can write a row of either patient, and whoever just does may hold an
    assessment that is to move.
    """
    mine, theirs = kept.record_number, gone.record_number
    changed = ((kept.id, "record_number", mine, theirs), (gone.id, "record_number", theirs, mine))
    ledger.note(session, merge_id, Patient, changed)
    swap_numbers(session, (kept, theirs), (gone, mine))


def _take_addresses(
    session: Session, merge_id: int, kept: Patient, gone: Patient, from_gone: frozenset[str], *, at: datetime
) -> None:
    """One of each kind stays; the other one is withdrawn."""
    active = Channel.withdrawn_at.is_(None)
    for kind in ADDRESSES:
        mine, theirs = (
            session.scalars(select(Channel).where(Channel.patient_id == row.id, Channel.kind == kind, active)).first()
            for row in (kept, gone)
        )
        if mine is not None and theirs is not None:
            loser = mine if kind in from_gone or _said_more(theirs, mine) else theirs
            ledger.change(session, merge_id, loser, withdrawn_at=at)
    ledger.move(session, merge_id, Channel, _ids(session, Channel, gone), gone.id, kept.id)


def _said_more(theirs: Channel, mine: Channel) -> bool:
    """At the same address one knows of STOP or of a failure: that one stays, or messages would go there again."""
    if theirs.address != mine.address:
        return False
    return _silent(theirs) and not _silent(mine)


def _silent(row: Channel) -> bool:
    return row.stopped_at is not None or row.undeliverable_at is not None


# ---- Courses and expected days


def _take_courses(session: Session, merge_id: int, kept: Patient, gone: Patient) -> None:
    """All of both, numbered anew by their planned start."""
    both = Course.patient_id.in_([kept.id, gone.id])
    courses = session.scalars(select(Course).where(both).order_by(Course.starts_on, Course.id).with_for_update()).all()
    numbers = {course.id: number for number, course in enumerate(courses, 1)}
    ledger.note(
        session, merge_id, Course, [(course.id, "number", course.number, numbers[course.id]) for course in courses]
    )
    moved = [(each.id, "patient_id", gone.id, kept.id) for each in courses if each.patient_id == gone.id]
    ledger.note(session, merge_id, Course, moved)
    place_courses(session, [(each.id, kept.id, numbers[each.id]) for each in courses])


def _take_expected(session: Session, merge_id: int, kept: Patient, gone: Patient, *, at: datetime) -> None:
    """Somebody is expected once a day: of two rows the other one's is cancelled, and an arrival counts."""
    mine = {row.on: row for row in session.scalars(select(Expected).where(Expected.patient_id == kept.id))}
    theirs = session.scalars(select(Expected).where(Expected.patient_id == gone.id).order_by(Expected.id)).all()
    ledger.move(session, merge_id, Expected, [row.id for row in theirs if row.on not in mine], gone.id, kept.id)
    for row in theirs:
        if row.on not in mine or row.cancelled_at is not None:
            continue
        came = mine[row.on].checked_in_at is None and row.checked_in_at is not None
        arrival = {"checked_in_at": row.checked_in_at, "checked_in_by": row.checked_in_by} if came else {}
        ledger.change(session, merge_id, mine[row.on], cancelled_at=None, **arrival)
        ledger.change(session, merge_id, row, cancelled_at=at)
