"""Patients from a file: uploaded, looked at, and then added or changed, all of them or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from prom_server.core import import_file
from prom_server.core.contacts import Kind
from prom_server.core.enrolment import RecordNumberTaken
from prom_server.core.import_file import FileRow, NewPatient
from prom_server.core.imports import (
    ChangedSincePreview,
    Decision,
    Imported,
    ImportLine,
    ImportOver,
    ImportPreview,
    Like,
    NothingToImport,
    Problem,
    choices,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import addresses, audit, enrolment, finding, lookalikes, uploads
from prom_server.services.lookalikes import Lookalike
from prom_server.store.imports import ImportBatch, ImportRow
from prom_server.store.patients import Patient

KIND = "patients"
KEPT_FOR = timedelta(days=7)  # a file that nobody decided on
HEADING = 1  # the line of the heading: its row keeps the columns that mean nothing here


@dataclass(frozen=True, slots=True)
class _Line:
    """One line as things stand now."""

    row: FileRow
    patient: NewPatient | None
    problems: tuple[Problem, ...]
    like: Lookalike | None
    earlier: int | None  # of lines that are like nobody who is there

    @property
    def how(self) -> Like | None:
        return self.like.how if self.like else Like.LINE if self.earlier else None

    @property
    def stored(self) -> tuple[str | None, int | None]:
        """Error and duplicate, as the preview shows: where an import finds another, it is another line."""
        error = f"{self.problems[0].column}:{self.problems[0].code}" if self.problems else None
        return error, self.like.patient.id if self.like else None

    @property
    def default(self) -> Decision:
        return Decision.SKIP if self.problems or self.how else Decision.ADD


def tidy(session: Session, *, by: StaffMember, at: datetime) -> None:
    """Whenever the page is looked at: files that nobody decided on for a week are gone."""
    require(by, Action.EDIT_PATIENTS)
    uploads.discard_old(session, KIND, KEPT_FOR, by=by, at=at)


def upload(session: Session, data: bytes, *, by: StaffMember, at: datetime) -> str:
    """Keeps the lines until somebody has looked; returns the upload's public id. Raises as `import_file.read`."""
    require(by, Action.EDIT_PATIENTS)
    found = import_file.read(data)
    lines = _evaluated(session, found.rows, by=by, at=at)
    heading: dict[str, object] = {"line": HEADING, "columns": dict.fromkeys(found.ignored, "")}
    rows = [heading | {"error": None, "duplicate_of": None, "decision": None}]
    rows += [
        {"line": each.row.line, "columns": dict(each.row.cells), "decision": each.default}
        | dict(zip(("error", "duplicate_of"), each.stored, strict=True))
        for each in lines
    ]
    public_id = uploads.keep(session, KIND, rows, by=by, at=at)
    audit.record(session, "import.upload", by=by, at=at, subject=f"import:{public_id}", detail=f"{len(lines)} lines")
    return public_id


def _evaluated(session: Session, rows: Sequence[FileRow], *, by: StaffMember, at: datetime) -> list[_Line]:
    today = finding.local_day(at, by.clinic)
    us = import_file.month_first(row.cells.get("birth_date", "") for row in rows)
    again = import_file.repeated((row.line, row.cells.get("record_number", "")) for row in rows)
    found = []
    for row in rows:
        patient, problems = import_file.checked(row.cells, today, us=us)
        if row.line in again and patient is not None:
            patient, problems = None, (Problem("record_number", "twice"),)
        found.append((row, patient, problems))
    good = {row.line: new.details for row, new, _ in found if new is not None}
    here = lookalikes.find(session, good, by=by)
    file = import_file.alike((line, details) for line, details in good.items() if line not in here)
    return [_Line(row, new, problems, here.get(row.line), file.get(row.line)) for row, new, problems in found]


# ---- Looked at


def preview(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> ImportPreview:
    """What would become of each line now. Raises NotFound, ImportOver."""
    require(by, Action.EDIT_PATIENTS)
    batch, rows = _open(session, public_id, by=by)
    lines = _lines(session, rows, by=by, at=at)
    for row, line in lines:
        if _differs(row, line):
            row.decision, row.error, row.duplicate_of = line.default, *line.stored
    session.flush()
    shown = tuple(_shown(session, row, line) for row, line in lines)
    subject = f"import:{batch.public_id}"
    audit.record(session, "import.preview", by=by, at=at, subject=subject)
    seen = {line.like.patient.id for _row, line in lines if line.like is not None}
    audit.record_each(session, "patient.duplicate", sorted(seen), by=by, at=at, subject=subject)
    return ImportPreview(batch.public_id, tuple(rows[0].columns), shown)


def _open(session: Session, public_id: str, *, by: StaffMember) -> tuple[ImportBatch, Sequence[ImportRow]]:
    batch = uploads.batch(session, KIND, public_id, by=by)
    rows = uploads.rows(session, batch)
    if not rows:
        raise ImportOver("imported or discarded")
    return batch, rows


def _lines(
    session: Session, rows: Sequence[ImportRow], *, by: StaffMember, at: datetime
) -> list[tuple[ImportRow, _Line]]:
    """All but the heading, each as it was kept and as it stands now."""
    kept = rows[1:]
    now = _evaluated(session, [FileRow(row.line, row.columns) for row in kept], by=by, at=at)
    return list(zip(kept, now, strict=True))


def _differs(row: ImportRow, line: _Line) -> bool:
    return (row.error, row.duplicate_of) != line.stored


def _shown(session: Session, row: ImportRow, line: _Line) -> ImportLine:
    cells = line.row.cells
    like, new = line.like, line.patient
    changes = lookalikes.changes(session, like.patient, new, cells) if like is not None and new is not None else ()
    return ImportLine(
        line=row.line,
        record_number=cells.get("record_number", ""),
        name=", ".join(filter(None, (cells.get("family_name"), cells.get("given_name")))),
        birth_date=cells.get("birth_date", ""),
        problems=line.problems,
        like=line.how,
        duplicate_of=finding.ref(like.patient) if like is not None else None,
        changes=changes,
        decision=Decision(row.decision or line.default),
        earlier=line.earlier,
    )


def choose(session: Session, public_id: str, decisions: Mapping[int, str], *, by: StaffMember, at: datetime) -> bool:
    """What becomes of the lines that may be patients who are there. Returns whether anything is other than before."""
    require(by, Action.EDIT_PATIENTS)
    _batch, rows = _open(session, public_id, by=by)
    changed = False
    for row, line in _lines(session, rows, by=by, at=at):
        wanted = decisions.get(row.line, row.decision)
        allowed = choices(line.how) if not _differs(row, line) else ()
        if wanted in allowed and wanted != row.decision:
            row.decision = Decision(wanted)
            changed = True
    session.flush()
    return changed


# ---- Used


def apply(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> Imported:
    """Adds and updates, all or nothing. Raises NotFound, ImportOver at a second press, NothingToImport,
    ChangedSincePreview where a line is no longer what was shown.
    """
    require(by, Action.EDIT_PATIENTS)
    batch, rows = _open(session, public_id, by=by)
    if not uploads.claim(session, batch, at=at):
        raise ImportOver("imported or discarded")
    lines = _lines(session, rows, by=by, at=at)
    if changed := [row.line for row, line in lines if _differs(row, line)]:
        raise ChangedSincePreview(changed[0])
    decided = [(line, Decision(row.decision or line.default)) for row, line in lines]
    done = _apply(session, decided, f"import:{batch.public_id}", by=by, at=at)
    uploads.delete_rows(session, [batch.id])
    detail = f"added: {done.added}\nupdated: {done.updated}\nleft out: {done.left_out}"
    audit.record(session, "import.apply", by=by, at=at, subject=f"import:{batch.public_id}", detail=detail)
    return done


def _apply(
    session: Session, decided: Sequence[tuple[_Line, Decision]], subject: str, *, by: StaffMember, at: datetime
) -> Imported:
    new = [(line.row.line, line.patient) for line, decision in decided if decision is Decision.ADD and line.patient]
    changed = [line for line, decision in decided if decision is Decision.UPDATE]
    if not new and not changed:
        raise NothingToImport("no line")
    _add(session, new, subject, by=by, at=at)
    said = [each for line in changed for each in _update(session, line, by=by, at=at)]
    addresses.set_several(session, said, by=by, at=at)
    return Imported(len(new), len(changed), len(decided) - len(new) - len(changed))


def _add(
    session: Session, new: Sequence[tuple[int, NewPatient]], subject: str, *, by: StaffMember, at: datetime
) -> None:
    try:
        ids = enrolment.add_patients(session, [each.details for _, each in new], subject=subject, by=by, at=at)
    except RecordNumberTaken as error:  # in this very moment
        taken = lookalikes.numbers(session, [each.details.record_number for _, each in new], by=by)
        line = next((line for line, each in new if each.details.record_number in taken), new[0][0])
        raise ChangedSincePreview(line) from error
    new_addresses = [
        (ids[each.details.record_number], kind, address, consent)
        for _, each in new
        for kind, address, consent in _addresses(each)
    ]
    addresses.add(session, new_addresses, by=by, at=at)


def _addresses(new: NewPatient) -> list[tuple[Kind, str, bool]]:
    both = ((Kind.EMAIL, new.email, new.email_consent), (Kind.SMS, new.mobile, new.sms_consent))
    return [(kind, address, consent) for kind, address, consent in both if address is not None]


def _update(session: Session, line: _Line, *, by: StaffMember, at: datetime) -> list[tuple[Patient, Kind, str, bool]]:
    """What the file says is new; what it says nothing of stays. Returns the addresses that it says."""
    if line.like is None or line.patient is None:
        raise ChangedSincePreview(line.row.line)
    row, new = line.like.patient, line.patient
    said = lookalikes.said(session, row, new, line.row.cells)
    details = replace(enrolment.details_of(row), **said)
    enrolment.edit_patient(session, row.public_id, details, by=by, at=at)
    return [(row, kind, address, consent) for kind, address, consent in _addresses(new)]


def discard(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Nothing of it is used. A second press changes nothing."""
    require(by, Action.EDIT_PATIENTS)
    batch = uploads.batch(session, KIND, public_id, by=by)
    uploads.discard(session, [batch.id], at=at)
    audit.record(session, "import.discard", by=by, at=at, subject=f"import:{batch.public_id}")
