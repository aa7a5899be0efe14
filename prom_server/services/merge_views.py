"""Two records side by side, and what a merge or its undoing would do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prom_server.core.enrolment import PatientRef, names_alike
from prom_server.core.merging import (
    ADDRESSES,
    FIELDS,
    Block,
    Comparison,
    CourseLine,
    MergeField,
    MergeLine,
    SamePatient,
    Side,
    Undoing,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, catalogue, finding, ledger, linked, unmerging
from prom_server.services.enrolment import COMPARED
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.care import OpioidDose
from prom_server.store.contact import Call, Channel
from prom_server.store.courses import Course, Infusion
from prom_server.store.imports import Merge
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

SHOWN = {"name": ("given_name", "family_name"), "reading": ("language",)}  # of the columns, where not all


def blocks(session: Session, kept: Patient, gone: Patient) -> tuple[Block, ...]:
    both = Course.patient_id.in_([kept.id, gone.id])
    unfinished = session.scalars(select(Course.patient_id).where(both, Course.finished_at.is_(None))).all()
    found = []
    if len(set(unfinished)) == 2:
        found.append(Block.BOTH_UNFINISHED)
    withdrew = {row.withdrawn_at is None for row in (kept, gone)}
    if len(withdrew) == 2 or kept.deceased_on != gone.deceased_on:
        found.append(Block.STOPPED_DIFFERS)
    return tuple(found)


def compare(session: Session, kept_id: str, gone_id: str, *, by: StaffMember, at: datetime) -> Comparison:
    """Raises NotFound, SamePatient."""
    require(by, Action.EDIT_PATIENTS)
    kept, gone = (finding.patient(session, each, by=by) for each in (kept_id, gone_id))
    if kept.id == gone.id:
        raise SamePatient("the same record")
    audit.record_each(session, "patient.compare", (kept.id, gone.id), by=by, at=at)
    addresses = {row.id: _addresses(session, row) for row in (kept, gone)}
    fields = [_field(name, _text(kept, name), _text(gone, name)) for name in FIELDS]
    fields += [_field(kind, addresses[kept.id].get(kind), addresses[gone.id].get(kind)) for kind in ADDRESSES]
    return Comparison(
        _side(session, kept),
        _side(session, gone),
        tuple(fields),
        blocks(session, kept, gone),
        opted_out=(kept.reminders_off_at is None) != (gone.reminders_off_at is None),
    )


def _field(name: str, kept: str | None, gone: str | None) -> MergeField:
    return MergeField(name, kept, gone, from_gone=kept is None and gone is not None)


def _text(row: Patient, name: str) -> str | None:
    values = [getattr(row, column) for column in SHOWN.get(name, FIELDS[name])]
    said = [_word(value) for value in values if value is not None]
    return (" " if name == "name" else ", ").join(said) or None


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _addresses(session: Session, row: Patient) -> dict[str, str]:
    mine = (Channel.patient_id == row.id, Channel.withdrawn_at.is_(None))
    return {each.kind: each.address for each in session.scalars(select(Channel).where(*mine))}


def _side(session: Session, row: Patient) -> Side:
    courses = session.scalars(select(Course).where(Course.patient_id == row.id).order_by(Course.number)).all()
    counted = select(Assessment.course_id, func.count(Assessment.id), func.count(Assessment.completed_at))
    mine = (Assessment.patient_id == row.id, Assessment.cancelled_at.is_(None))
    rows = session.execute(counted.where(*mine).group_by(Assessment.course_id))
    numbers = {course_id: (all_, completed) for course_id, all_, completed in rows}
    lines = tuple(_course(each, *numbers.get(each.id, (0, 0))) for each in courses)
    alerts = select(func.count(Alert.id), func.count(Alert.resolved_at)).where(Alert.patient_id == row.id)
    raised, resolved = session.execute(alerts).one()
    return Side(finding.ref(row), row.birth_date, lines, raised, raised - resolved)


def _course(row: Course, assessments: int, completed: int) -> CourseLine:
    name = catalogue.protocol(row.protocol_id, row.protocol_revision).name
    return CourseLine(row.number, name, row.starts_on, row.finished_at is None, completed, assessments)


# ---- Who it may be, and what was merged


def alike(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> tuple[PatientRef, ...]:
    """Others born on the same day with a like name: offered before anybody searches."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by)
    mine = (Patient.clinic_id == by.clinic.id, Patient.merged_into_id.is_(None), Patient.id != row.id)
    born = select(Patient).where(*mine, Patient.birth_date == row.birth_date).order_by(Patient.sort_name, Patient.id)
    found = [
        each
        for each in session.scalars(born.limit(COMPARED))
        if names_alike(row.family_name, row.given_name, each.family_name, each.given_name)
    ]
    audit.record_each(session, "patient.duplicate", (each.id for each in found), by=by, at=at)
    return tuple(finding.ref(each) for each in found)


def standing(session: Session, public_id: str, *, by: StaffMember) -> tuple[PatientRef, tuple[MergeLine, ...]]:
    """The patient, and the merges into this record that stand, the latest first."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by)
    rows = session.execute(
        select(Merge, Patient, Staff.name)
        .join(Patient, Patient.id == Merge.gone_id)
        .join(Staff, Staff.id == Merge.merged_by)
        .where(Merge.kept_id == row.id, Merge.undone_at.is_(None))
        .order_by(Merge.id.desc())
    ).all()
    lines = tuple(
        MergeLine(merge.public_id, finding.ref(gone), merge.merged_at, name, latest=place == 0)
        for place, (merge, gone, name) in enumerate(rows)
    )
    return finding.ref(row), lines


def undoing(session: Session, merge_public_id: str, *, by: StaffMember, at: datetime) -> Undoing:
    """What an undo would do now. Raises NotFound, MergeUndone, LaterMergeFirst."""
    require(by, Action.EDIT_PATIENTS)
    row = unmerging.found(session, merge_public_id, by=by)
    kept, gone = session.get_one(Patient, row.kept_id), session.get_one(Patient, row.gone_id)
    audit.record_each(session, "patient.compare", (kept.id, gone.id), by=by, at=at)
    written = ledger.rows(session, row.id)
    changed = {
        each.column_name
        for each in written
        if each.table_name == "patient" and each.row_id == kept.id and not ledger.stands(session, each)
    }
    moved = unmerging.moved_courses(written)
    stays, goes = _since(session, row, moved)
    by_whom = session.get_one(Staff, row.merged_by).name
    return Undoing(
        row.public_id,
        finding.ref(kept),
        finding.ref(gone),
        row.merged_at,
        by_whom,
        stays,
        goes,
        len(linked.across(session, moved)),
        tuple(name for name in sorted(changed) if name != "sort_name"),
    )


def _since(
    session: Session, row: Merge, moved: Sequence[int]
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """What came since the merge: what stays, and what goes with the courses that go back."""
    mine, at = row.kept_id, row.merged_at
    theirs = select(Assessment.id).where(Assessment.course_id.in_(moved))
    given = select(Administration.id).where(Administration.assessment_id.in_(theirs))
    stays = {
        "courses": select(func.count(Course.id)).where(Course.patient_id == mine, Course.created_at > at),
        "doses": select(func.count(OpioidDose.id)).where(OpioidDose.patient_id == mine, OpioidDose.recorded_at > at),
        "addresses": select(func.count(Channel.id)).where(Channel.patient_id == mine, Channel.created_at > at),
    }
    goes = {
        "infusions": select(func.count(Infusion.id)).where(Infusion.course_id.in_(moved), Infusion.recorded_at > at),
        "answers": select(func.count()).select_from(given.where(Administration.started_at > at).subquery()),
        "alerts": select(func.count(Alert.id)).where(Alert.administration_id.in_(given), Alert.raised_at > at),
        "calls": select(func.count(Call.id)).where(Call.assessment_id.in_(theirs), Call.called_at > at),
    }
    found = [
        tuple((kind, number) for kind, statement in each.items() if (number := session.scalar(statement)))
        for each in (stays, goes)
    ]
    return found[0], found[1]
