"""Answers as they stand: which items are shown, which are open, where to go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from prom_server.core.instrument import Instrument, Item
from prom_server.core.refusals import InvalidAnswer


class ItemState(StrEnum):
    """Why an item has a value or has none. They stay different things, from the database to the exports."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    NOT_SHOWN = "not_shown"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Current:
    """The current response to one item: `value` None means skipped; `sequence` is the save that gave it."""

    value: int | None
    sequence: int


Responses = Mapping[str, Current]


def shown_items(instrument: Instrument, responses: Responses) -> tuple[Item, ...]:
    """The items to ask, given the answers so far."""
    return tuple(item for item in instrument.items if _is_shown(item, instrument, responses))


def _is_shown(item: Item, instrument: Instrument, responses: Responses) -> bool:
    if item.shown_if_any_above is None:
        return True
    values = (responses[each.id].value for each in instrument.scored_items if each.id in responses)
    return any(value is not None and value > item.shown_if_any_above for value in values)


def state_of(item: Item, instrument: Instrument, responses: Responses) -> ItemState:
    if not _is_shown(item, instrument, responses):
        return ItemState.NOT_SHOWN
    if item.id not in responses:
        return ItemState.NOT_REACHED
    return ItemState.SKIPPED if responses[item.id].value is None else ItemState.ANSWERED


def first_open(items: tuple[Item, ...], responses: Responses) -> int:
    """The place (from 0) of the first item neither answered nor skipped; the number of items when there is none."""
    return next((place for place, item in enumerate(items) if item.id not in responses), len(items))


def scored_answers(instrument: Instrument, responses: Responses) -> dict[str, int | None]:
    """Every scored item with its value, None where it was not answered: what scoring takes."""
    return {item.id: responses[item.id].value if item.id in responses else None for item in instrument.scored_items}


def check_value(item: Item, value: int) -> None:
    """Raises InvalidAnswer unless `value` is one of the item's options."""
    if item.option(value) is None:
        raise InvalidAnswer(f"{value} is no option of {item.id}", item.id)
