"""The exact texts of every definition that an administration began with."""

from datetime import datetime

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prom_server.store.base import Base, BigId, Instant


class Definition(Base):
    """One instrument as it was answered or scored: enough to build it again, whatever became of its files.

    Appended, never changed. A bank is covered by `content_hash`: the instrument's file names the bank's own hash.
    """

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("content_hash", "supplement_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    supplement_hash: Mapped[str] = mapped_column(String(64))  # "" where there was none
    instrument_id: Mapped[str] = mapped_column(String(60))
    instrument_revision: Mapped[int]
    files: Mapped[str] = mapped_column(Text)  # JSON: {name: text}
    archived_at: Mapped[datetime] = mapped_column(Instant)
