"""What a merge changes, value by value, written down before it changes: undoing reads it from the end."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table, insert, select, update
from sqlalchemy.orm import Session

from prom_server.store.base import Base, table_of
from prom_server.store.imports import MergeRow


def change(session: Session, merge_id: int, row: Base, **values: object) -> None:
    """Changes one row where it differs."""
    table = table_of(type(row))
    row_id = cast(Any, row).id
    new = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not new:
        return
    written = [_line(merge_id, table, row_id, name, getattr(row, name), value) for name, value in new.items()]
    session.execute(insert(MergeRow), written)
    session.execute(update(table).where(table.c.id == row_id).values(**new))
    session.refresh(row)


def note(session: Session, merge_id: int, model: type[Base], rows: Iterable[tuple[int, str, object, object]]) -> None:
    """Writes down (row, column, before, after) of changes that the caller makes."""
    written = [_line(merge_id, table_of(model), *each) for each in rows]
    if written:
        session.execute(insert(MergeRow), written)


def move(session: Session, merge_id: int, model: type[Base], row_ids: Sequence[int], gone: int, kept: int) -> None:
    """These rows of one patient become the other's."""
    table = table_of(model)
    note(session, merge_id, model, ((row_id, "patient_id", gone, kept) for row_id in row_ids))
    if row_ids:
        session.execute(update(table).where(table.c.id.in_(row_ids)).values(patient_id=kept))


def rows(session: Session, merge_id: int) -> Sequence[MergeRow]:
    return session.scalars(select(MergeRow).where(MergeRow.merge_id == merge_id).order_by(MergeRow.id)).all()


def stands(session: Session, row: MergeRow) -> bool:
    """Whether the value is still as the merge left it."""
    table = Base.metadata.tables[row.table_name]
    now = session.execute(select(table.c[row.column_name]).where(table.c.id == row.row_id)).one_or_none()
    return now is not None and _text(now[0]) == row.after


def restore(session: Session, row: MergeRow) -> None:
    """As it was before."""
    table = Base.metadata.tables[row.table_name]
    value = _value(table, row.column_name, row.before)
    session.execute(update(table).where(table.c.id == row.row_id).values({row.column_name: value}))


def _line(merge_id: int, table: Table, row_id: int, column: str, before: object, after: object) -> dict[str, object]:
    place = {"merge_id": merge_id, "table_name": table.name, "row_id": row_id, "column_name": column}
    return place | {"before": _text(before), "after": _text(after)}


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _value(table: Table, column: str, text: str | None) -> object:
    if text is None:
        return None
    kind = table.c[column].type.python_type
    if issubclass(kind, date):  # a datetime too
        return kind.fromisoformat(text)
    return text == "True" if kind is bool else kind(text)
