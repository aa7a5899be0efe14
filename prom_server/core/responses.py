"""Answers as they stand: which items are shown, which are open, where to go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from prom_server.core import cat
from prom_server.core.instrument import Instrument, Item
from prom_server.core.refusals import InvalidAnswer


class ItemState(StrEnum):
    """Why an item has a value or has none. They stay different things, from the database to the exports."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    DECLINED = "declined"  # the patient would rather not answer the whole questionnaire
    NOT_SHOWN = "not_shown"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Current:
    """The current response to one item: `value` None means skipped; `sequence` is the save that gave it."""

    value: int | None
    sequence: int


Responses = Mapping[str, Current]


def shown_items(instrument: Instrument, responses: Responses) -> tuple[Item, ...]:
    """The items to ask, given the answers so far. Of an adaptive instrument: those asked, and the one to ask next."""
    if instrument.adaptive is not None:
        state = path(instrument, responses)
        return tuple(instrument.item_by_id[item] for item in (*state.asked, *([state.item] if state.item else [])))
    return tuple(item for item in instrument.items if _is_shown(item, instrument, responses))


def path(instrument: Instrument, responses: Responses) -> cat.State:
    """Where the answers lead in an adaptive instrument."""
    return cat.replay(instrument, {item: current.value for item, current in responses.items()})


def most_items(instrument: Instrument) -> int:
    """How many items a patient is asked at most, of an adaptive instrument without those that are skipped."""
    return instrument.adaptive.most if instrument.adaptive else len(instrument.items)


def _is_shown(item: Item, instrument: Instrument, responses: Responses) -> bool:
    if item.shown_if_any_above is None:
        return True
    values = (responses[each.id].value for each in instrument.scored_items if each.id in responses)
    return any(value is not None and value > item.shown_if_any_above for value in values)


def states(instrument: Instrument, responses: Responses, *, declined: bool = False) -> dict[str, ItemState]:
    """Every item of the instrument, in its order. `declined`: what was not answered was declined with the whole."""
    shown = {item.id for item in shown_items(instrument, responses)}
    found = {item.id: _state(item.id, shown, responses) for item in instrument.items}
    if not declined:
        return found
    return {item: ItemState.DECLINED if state is ItemState.NOT_REACHED else state for item, state in found.items()}


def _state(item_id: str, shown: set[str], responses: Responses) -> ItemState:
    if item_id not in shown:
        return ItemState.NOT_SHOWN
    if item_id not in responses:
        return ItemState.NOT_REACHED
    return ItemState.SKIPPED if responses[item_id].value is None else ItemState.ANSWERED


def first_open(items: tuple[Item, ...], responses: Responses) -> int:
    """The place (from 0) of the first item neither answered nor skipped; the number of items when there is none."""
    return next((place for place, item in enumerate(items) if item.id not in responses), len(items))


def scored_answers(instrument: Instrument, responses: Responses) -> dict[str, int | None]:
    """Every scored item with its value, None where it was not answered: what scoring takes.

    Of an adaptive instrument only what was asked on the way that the answers lead.
    """
    if instrument.adaptive is not None:
        return {item: responses[item].value for item in path(instrument, responses).asked}
    return {item.id: responses[item.id].value if item.id in responses else None for item in instrument.scored_items}


def check_value(item: Item, value: int) -> None:
    """Raises InvalidAnswer unless `value` is one of the item's options."""
    if item.option(value) is None:
        raise InvalidAnswer(f"{value} is no option of {item.id}", item.id)
