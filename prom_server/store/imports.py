"""Files of patients as they were uploaded, row by row, until somebody has looked; and patients made one."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant, opaque_id


class ImportBatch(Base):
    """An uploaded file: previewed, then applied whole or discarded. Its rows are deleted with either."""

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # patients, day_list
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    applied_at: Mapped[datetime | None] = mapped_column(Instant)
    discarded_at: Mapped[datetime | None] = mapped_column(Instant)


class ImportRow(Base):
    """One line of the file, as it was read."""

    __tablename__ = "import_row"
    __table_args__ = (UniqueConstraint("batch_id", "line"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    line: Mapped[int]  # in the file, 1 is the heading
    columns: Mapped[dict[str, str]] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(String(60))
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    decision: Mapped[str | None] = mapped_column(String(10))  # add, update, skip


class Merge(Base):
    """Two records of one person made one: `gone` points to `kept`, and what moved is written down for the way back."""

    __tablename__ = "merge"
    __table_args__ = (Index("ix_merge_kept_id", "kept_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(20), unique=True, default=opaque_id)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    kept_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    gone_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    merged_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    merged_at: Mapped[datetime] = mapped_column(Instant)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime | None] = mapped_column(Instant)


class MergeRow(Base):
    """One row that moved from one patient to the other, or one value that changed with it."""

    __tablename__ = "merge_row"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    merge_id: Mapped[int] = mapped_column(ForeignKey("merge.id"), index=True)
    table_name: Mapped[str] = mapped_column(String(40))
    row_id: Mapped[int] = mapped_column(BigId)
    column_name: Mapped[str] = mapped_column(String(40))
    before: Mapped[str | None] = mapped_column(String(300))
    after: Mapped[str | None] = mapped_column(String(300))  # as the merge left it: what was changed since stays
