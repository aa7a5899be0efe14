"""A clinic's own wording for an instrument whose wording is licensed and therefore not shipped.

A supplement names the instrument and the revision it completes, where its words come from, and who entered them when.
It fills `text` and nothing else: what is scored, and how, stays as published.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

from prom_server.core.instrument import Instrument, Item
from prom_server.definitions.build import shaped
from prom_server.definitions.document import Document, Finding, read
from prom_server.definitions.schema import SupplementShape


@dataclass(frozen=True, slots=True)
class Supplement:
    instrument: str
    revision: int  # of the instrument
    source: str
    date: date  # when it was entered
    entered_by: str
    context: str | None  # the stem, where that is licensed too
    items: MappingProxyType[str, str]
    document: Document  # the file, for naming its lines

    @property
    def content_hash(self) -> str:
        """SHA-256 of the file."""
        return self.document.content_hash


def load_supplement(path: Path) -> Supplement:
    return supplement(read(path))


def supplement(document: Document) -> Supplement:
    """Raises `DefinitionError` with file and line."""
    data = shaped(document, SupplementShape)
    try:
        entered = date.fromisoformat(data["date"])
    except ValueError as error:
        raise document.error([Finding(("date",), "is not a date such as 2026-11-24")]) from error
    return Supplement(
        instrument=data.pop("supplement"),
        document=document,
        **{**data, "date": entered, "items": MappingProxyType(data["items"])},
    )


def apply(instrument: Instrument, with_: Supplement) -> Instrument:
    """The instrument with the clinic's wording. Raises `DefinitionError` for what does not fit it exactly."""
    if findings := list(_misfits(instrument, with_)):
        raise with_.document.error(findings)
    items = tuple(_worded(item, with_) for item in instrument.items)
    return replace(instrument, items=items, supplement_hash=with_.content_hash)


def _misfits(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    if (with_.instrument, with_.revision) != (instrument.id, instrument.revision):
        yield Finding(("supplement",), f"is for {with_.instrument} revision {with_.revision}, not {instrument.id}")
        return
    for item_id in with_.items:
        item = instrument.item_by_id.get(item_id)
        if item is None:
            yield Finding(("items", item_id), f"is no item of {instrument.id}")
        elif item.text is not None:
            yield Finding(("items", item_id), "has its publisher's wording already")
        elif with_.context is not None and item.context is not None:
            yield Finding(("context",), "the stem is there already")
    if without := [item.id for item in instrument.items if item.text is None and item.id not in with_.items]:
        yield Finding(("items",), f"{', '.join(without)}: still without wording")


def _worded(item: Item, with_: Supplement) -> Item:
    if item.id not in with_.items:
        return item
    return replace(item, text=with_.items[item.id], context=with_.context or item.context)
