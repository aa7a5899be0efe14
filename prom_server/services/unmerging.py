"""The way back from a merge: every value that it changed is again what it was.

What came since stays with the record that was kept, but for what hangs on a course that goes back: that goes with it.
A value that was changed since stays as it is.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, exists, select, update
from sqlalchemy.orm import Session

from prom_server.core.merging import LaterMergeFirst, MergeUndone
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.services import audit, finding, ledger, linked, outbox, planning, satisfying, taking_back
from prom_server.services.numbers import place_courses, swap_numbers
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.base import Base
from prom_server.store.contact import Call, Channel, Ringing
from prom_server.store.courses import Course, InfusionDay
from prom_server.store.imports import Merge, MergeRow
from prom_server.store.invitations import Invitation
from prom_server.store.kiosks import Handover
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient

# What hangs on a course, and what on an assessment, and carries its patient beside it.
ON_COURSES: tuple[type[Base], ...] = (Assessment, InfusionDay)
ON_ASSESSMENTS: tuple[type[Base], ...] = (Invitation, Handover, Call, Message, Ringing)


def undo(session: Session, merge_public_id: str, *, by: StaffMember, at: datetime) -> tuple[str, str]:
    """Returns the public ids of the patient who was kept and of the one who is back.

    Raises NotFound, MergeUndone, LaterMergeFirst.
    """
    require(by, Action.EDIT_PATIENTS)
    row = found(session, merge_public_id, by=by)
    both = select(Patient).where(Patient.id.in_([row.kept_id, row.gone_id])).order_by(Patient.public_id)
    held = {each.id: each for each in session.scalars(both.with_for_update(key_share=True))}
    kept, gone = held[row.kept_id], held[row.gone_id]
    mine = update(Merge).where(Merge.id == row.id, Merge.undone_at.is_(None)).values(undone_by=by.id, undone_at=at)
    if session.scalar(mine.returning(Merge.id)) is None:
        raise MergeUndone("undone")
    written = ledger.rows(session, row.id)
    moved = moved_courses(written)
    crossing = linked.across(session, moved)
    _courses_back(session, written, kept, gone)
    _reminders_back(session, row, moved, by=by, at=at)
    _follow(session, moved, kept, gone)
    for each in reversed(written):
        if _generic(each) and ledger.stands(session, each) and not _in_the_way(session, each):
            ledger.restore(session, each)
    session.expire_all()
    satisfying.end(session, crossing, by=by, at=at)
    _numbers_back(session, written, kept, gone)  # last, as in a merge
    for patient in (kept, gone):
        detail = f"kept: {kept.public_id}\ngone: {gone.public_id}"
        subject = f"merge:{merge_public_id}"
        audit.record(session, "patient.merge_undo", by=by, at=at, patient_id=patient.id, subject=subject, detail=detail)
    if kept.stopped != gone.stopped:  # recorded since, on the kept one: what it cancelled of the other is planned again
        planning.replan_patient(session, gone, by=by, at=at)
    return kept.public_id, gone.public_id


def found(session: Session, public_id: str, *, by: StaffMember) -> Merge:
    """One that can be undone now. Raises NotFound, MergeUndone, LaterMergeFirst."""
    mine = (Merge.clinic_id == by.clinic.id, Merge.public_id == finding.checked(public_id))
    row = session.scalars(select(Merge).where(*mine)).one_or_none()
    if row is None:
        raise NotFound("no such merge")
    if row.undone_at is not None:
        raise MergeUndone("undone")
    later = select(Merge.id).where(
        (Merge.kept_id == row.kept_id) | (Merge.gone_id == row.kept_id), Merge.undone_at.is_(None), Merge.id > row.id
    )
    if session.scalar(later.limit(1)) is not None:
        raise LaterMergeFirst("undo that first")
    return row


def moved_courses(written: Sequence[MergeRow]) -> list[int]:
    return [each.row_id for each in written if (each.table_name, each.column_name) == ("course", "patient_id")]


def _generic(row: MergeRow) -> bool:
    return row.table_name != "course" and (row.table_name, row.column_name) != ("patient", "record_number")


def _courses_back(session: Session, written: Sequence[MergeRow], kept: Patient, gone: Patient) -> None:
    """Each with the number it had; courses since then come after those of the kept record."""
    moved = moved_courses(written)
    numbers = {
        each.row_id: int(each.before or 0)
        for each in written
        if (each.table_name, each.column_name) == ("course", "number")
    }
    now = session.scalars(select(Course.id).where(Course.patient_id == kept.id).order_by(Course.number)).all()
    last = max((number for id_, number in numbers.items() if id_ not in moved), default=0)
    new = {id_: last + place for place, id_ in enumerate((id_ for id_ in now if id_ not in numbers), 1)}
    place_courses(session, [(id_, gone.id if id_ in moved else kept.id, numbers.get(id_) or new[id_]) for id_ in now])


def _reminders_back(session: Session, row: Merge, courses: Sequence[int], *, by: StaffMember, at: datetime) -> None:
    """A message that waits and covers what goes back would go to one person about another: all that it covers is due
    again. Assessments are held before messages, as everybody does who moves both.
    """
    satisfying.hold(session, row.kept_id)
    theirs = select(Assessment.id).where(Assessment.course_id.in_(courses))
    covering = exists().where(Reminder.message_id == Message.id, Reminder.assessment_id.in_(theirs))
    since = (Message.patient_id == row.kept_id, Message.created_at >= row.merged_at, covering)
    waiting = select(Message.id).where(*since, *outbox.pending(), Message.sending_at.is_(None)).order_by(Message.id)
    found = list(session.scalars(waiting.with_for_update(skip_locked=True)))
    for message_id in found:
        taking_back.take_back(session, message_id, finding.local_day(at, by.clinic))
    outbox.cancel(session, found, "parted", at=at)


def _follow(session: Session, courses: Sequence[int], kept: Patient, gone: Patient) -> None:
    """What hangs on the courses that went back."""
    for model in ON_COURSES:
        _give(session, model, "course_id", select(Course.id).where(Course.id.in_(courses)), kept, gone)
    assessments = select(Assessment.id).where(Assessment.course_id.in_(courses))
    for model in ON_ASSESSMENTS:
        _give(session, model, "assessment_id", assessments, kept, gone)
    administrations = select(Administration.id).where(Administration.assessment_id.in_(assessments))
    _give(session, Alert, "administration_id", administrations, kept, gone)


def _give(session: Session, model: type[Base], column: str, these: Select[int], kept: Patient, gone: Patient) -> None:
    table = Base.metadata.tables[model.__tablename__]
    taken: set[int] = set()
    if model is Ringing:  # one call for each patient
        taken = set(session.scalars(select(Ringing.patient_id).where(Ringing.patient_id == gone.id)))
    if not taken:
        mine = (table.c.patient_id == kept.id, table.c[column].in_(these))
        session.execute(update(table).where(*mine).values(patient_id=gone.id))


def _numbers_back(session: Session, written: Sequence[MergeRow], kept: Patient, gone: Patient) -> None:
    swapped = {each.row_id: each for each in written if each.column_name == "record_number"}
    if not swapped:
        return
    if ledger.stands(session, swapped[kept.id]):
        swap_numbers(session, *((row, str(swapped[row.id].before)) for row in (kept, gone)))
        return
    number = str(
        swapped[gone.id].before
    )  # the kept one has another since: the old one is free, unless somebody took it
    mine = (Patient.clinic_id == gone.clinic_id, Patient.record_number == number)
    if session.scalar(select(Patient.id).where(*mine)) is None:
        swap_numbers(session, (gone, number))


def _in_the_way(session: Session, row: MergeRow) -> bool:
    """An address that was replaced by the merge is not back where the kept record has got another since."""
    if (row.table_name, row.column_name, row.before) != ("channel", "withdrawn_at", None):
        return False
    place = (Channel.patient_id, Channel.kind)
    patient_id, kind = session.execute(select(*place).where(Channel.id == row.row_id)).one()
    others = (Channel.patient_id == patient_id, Channel.kind == kind, Channel.withdrawn_at.is_(None))
    return session.scalar(select(Channel.id).where(*others).limit(1)) is not None
