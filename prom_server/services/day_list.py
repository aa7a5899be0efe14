"""The day list of another system: uploaded, looked at, and put in place whole; its lines are deleted afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.day_list import DayListPreview, DayListRow, ListReplaced, NothingInIt, ReadLine, RowError, read
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, finding, uploads
from prom_server.store.base import opaque_id
from prom_server.store.care import Expected
from prom_server.store.imports import ImportBatch, ImportRow
from prom_server.store.patients import Patient

KIND = "day_list"
KEPT_FOR = timedelta(hours=24)  # an upload that nobody decided on


def upload(session: Session, data: bytes, on: date, *, by: StaffMember, at: datetime) -> str:
    """Keeps the lines until somebody has looked; returns the upload's public id.

    Raises NotReadable, NoRecordNumbers, NothingInIt, TooMuch.
    """
    require(by, Action.CHECK_IN)
    lines = read(data)
    uploads.discard_old(session, KIND, KEPT_FOR, by=by, at=at)
    public_id = uploads.keep(session, KIND, [_stored(on, each) for each in lines], by=by, at=at)
    audit.record(session, "day_list.upload", by=by, at=at, detail=f"{len(lines)} lines for {on}")
    return public_id


def _stored(on: date, line: ReadLine) -> dict[str, object]:
    columns = {"on": on.isoformat(), "record_number": line.record_number}
    columns |= {"time": line.time or "", "reason": line.reason or ""}
    return {"line": line.line, "columns": columns, "error": line.error}


def preview(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> DayListPreview:
    """What would become of each line now. Raises NotFound, ListReplaced."""
    require(by, Action.CHECK_IN)
    batch = uploads.batch(session, KIND, public_id, by=by)
    if batch.applied_at is not None or batch.discarded_at is not None:
        raise ListReplaced("applied or discarded")
    on, rows, patients = _rows(session, batch, by=by)
    listed = _listed(session, on, by=by)
    coming = {patients[row.record_number].id for row in rows if row.error is None}
    here = {each.patient_id for each in listed if each.checked_in_at is not None}
    audit.record(session, "day_list.preview", by=by, at=at)
    taken_off = {each.patient_id for each in listed if each.reason is not None} - coming - here
    return DayListPreview(batch.public_id, on, rows, len(taken_off), len(here & coming))


def apply(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> date:
    """Puts the good lines on the list of their day, in place of all that was imported for it and has not arrived.

    Returns the day. Raises NotFound, NothingInIt without a good line, ListReplaced at a second press.
    """
    require(by, Action.CHECK_IN)
    batch = uploads.batch(session, KIND, public_id, by=by)
    if not uploads.claim(session, batch, at=at):
        raise ListReplaced("applied or discarded")
    on, rows, patients = _rows(session, batch, by=by)
    good = {patients[row.record_number].id: row for row in rows if row.error is None}
    if not good:
        raise NothingInIt("no good line")
    still_to_come = (
        Expected.clinic_id == by.clinic.id,
        Expected.on == on,
        Expected.checked_in_at.is_(None),
        Expected.reason.is_not(None),
    )
    session.execute(update(Expected).where(*still_to_come).values(cancelled_at=at))
    _put(session, on, good, by=by)
    uploads.delete_rows(session, [batch.id])
    detail = f"{len(good)} of {len(rows)} lines for {on}"
    audit.record(session, "day_list.apply", by=by, at=at, detail=detail)
    return on


def _put(session: Session, on: date, good: Mapping[int, DayListRow], *, by: StaffMember) -> None:
    """Who has arrived stays so; what the list says of them is new."""
    if not good:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = [
        {
            "public_id": opaque_id(),
            "clinic_id": by.clinic.id,
            "patient_id": patient_id,
            "on": on,
            "time": row.time,
            "reason": row.reason or "",
        }
        for patient_id, row in sorted(good.items())  # in one order: no deadlock
    ]
    statement = dialect.insert(Expected).values(values)
    new = {"time": statement.excluded.time, "reason": statement.excluded.reason, "cancelled_at": None}
    session.execute(statement.on_conflict_do_update(index_elements=["clinic_id", "on", "patient_id"], set_=new))


def discard(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Nothing of it is used. A second press changes nothing."""
    require(by, Action.CHECK_IN)
    batch = uploads.batch(session, KIND, public_id, by=by)
    uploads.discard(session, [batch.id], at=at)
    audit.record(session, "day_list.discard", by=by, at=at)


def _rows(
    session: Session, batch: ImportBatch, *, by: StaffMember
) -> tuple[date, tuple[DayListRow, ...], Mapping[str, Patient]]:
    """The day, the lines with what is wrong with each now, and the patients by record number."""
    rows = uploads.rows(session, batch)
    if not rows:
        raise ListReplaced("its lines are gone")
    patients = _patients(session, {row.columns["record_number"] for row in rows}, by=by)
    found: list[DayListRow] = []
    known: set[int] = set()
    for row in rows:
        patient = patients.get(row.columns["record_number"])
        found.append(_row(row, patient, again=patient is not None and patient.id in known))
        if patient is not None and found[-1].error is None:
            known.add(patient.id)
    return date.fromisoformat(rows[0].columns["on"]), tuple(found), patients


def _row(row: ImportRow, patient: Patient | None, *, again: bool) -> DayListRow:
    said = row.columns
    error = RowError(row.error) if row.error else None
    if error is None and patient is None:
        error = RowError.UNKNOWN_RECORD_NUMBER
    elif error is None and patient is not None and patient.stopped:
        error = RowError.STOPPED
    elif error is None and again:
        error = RowError.TWICE
    ref = finding.ref(patient) if patient else None
    return DayListRow(row.line, said["record_number"], said["time"] or None, said["reason"] or None, ref, error)


def _patients(session: Session, numbers: Iterable[str], *, by: StaffMember) -> Mapping[str, Patient]:
    """By record number; for a record that was merged into another, that one."""
    mine = (Patient.clinic_id == by.clinic.id, Patient.record_number.in_(set(numbers)))
    rows = session.scalars(select(Patient).where(*mine)).all()
    return {row.record_number: finding.kept(session, row) for row in rows}


def _listed(session: Session, on: date, *, by: StaffMember) -> Sequence[Expected]:
    mine = (Expected.clinic_id == by.clinic.id, Expected.on == on, Expected.cancelled_at.is_(None))
    return session.scalars(select(Expected).where(*mine)).all()
