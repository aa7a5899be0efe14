"""A file on its way in: its lines are kept until somebody has looked, and deleted when they are used or discarded."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.permissions import StaffMember
from prom_server.core.refusals import NotFound
from prom_server.services import finding
from prom_server.store.base import opaque_id
from prom_server.store.imports import ImportBatch, ImportRow

UNDECIDED = (ImportBatch.applied_at.is_(None), ImportBatch.discarded_at.is_(None))


def keep(session: Session, kind: str, rows: Sequence[dict[str, object]], *, by: StaffMember, at: datetime) -> str:
    """`rows` hold line, columns and what is known of them. Returns the upload's public id."""
    public_id = opaque_id()
    values = {"public_id": public_id, "clinic_id": by.clinic.id, "kind": kind, "staff_id": by.id, "created_at": at}
    batch_id = session.execute(insert(ImportBatch).values(values).returning(ImportBatch.id)).scalar_one()
    session.execute(insert(ImportRow), [{"batch_id": batch_id} | row for row in rows])
    return public_id


def batch(session: Session, kind: str, public_id: str, *, by: StaffMember) -> ImportBatch:
    statement = select(ImportBatch).where(
        ImportBatch.clinic_id == by.clinic.id,
        ImportBatch.public_id == finding.checked(public_id),
        ImportBatch.kind == kind,
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound("no such upload")
    return row


def rows(session: Session, row: ImportBatch) -> Sequence[ImportRow]:
    """In the order of the file; none once it was used or discarded."""
    return session.scalars(select(ImportRow).where(ImportRow.batch_id == row.id).order_by(ImportRow.line)).all()


def claim(session: Session, row: ImportBatch, *, at: datetime) -> bool:
    """Takes it for use, once: False at a second press, or when it was discarded."""
    mine = update(ImportBatch).where(ImportBatch.id == row.id, *UNDECIDED).values(applied_at=at)
    return session.scalar(mine.returning(ImportBatch.id)) is not None


def delete_rows(session: Session, batch_ids: Sequence[int]) -> None:
    session.execute(delete(ImportRow).where(ImportRow.batch_id.in_(batch_ids)))


def discard(session: Session, batch_ids: Sequence[int], *, at: datetime) -> None:
    """A second time changes nothing."""
    session.execute(update(ImportBatch).where(ImportBatch.id.in_(batch_ids), *UNDECIDED).values(discarded_at=at))
    delete_rows(session, batch_ids)


def discard_old(session: Session, kind: str, kept_for: timedelta, *, by: StaffMember, at: datetime) -> None:
    """Those that nobody decided on."""
    mine = (ImportBatch.clinic_id == by.clinic.id, ImportBatch.kind == kind, ImportBatch.created_at < at - kept_for)
    discard(session, session.scalars(select(ImportBatch.id).where(*mine, *UNDECIDED)).all(), at=at)
