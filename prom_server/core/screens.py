"""Several items on one screen: on a large tablet of the clinic, where the protocol says so."""

from prom_server.core.visit import PartState

MOST = 6  # items on a screen that a protocol may ask for: a few, in sight at once
MOST_OPTIONS = 7  # in one row; a 0 to 10 rating stands alone


def screen(part: PartState, step: int, most: int) -> tuple[int, ...]:
    """The steps that stand on one screen with `step`, which is one of them; `most` of them at most.

    Neighbours that are asked alike: under one heading, with the same stem and the same options. An item with an alert
    rule stands alone, because its answer is stored before anything else; so does one that other answers bring, and
    every item of an adaptive instrument.
    """
    if most == 1 or _kind(part, step - 1) is None:
        return (step,)
    kinds = [_kind(part, place) for place in range(len(part.items))]
    first = last = step - 1
    while first > 0 and kinds[first - 1] == kinds[step - 1]:
        first -= 1
    while last + 1 < len(kinds) and kinds[last + 1] == kinds[step - 1]:
        last += 1
    first += (step - 1 - first) // most * most  # the same screens, whichever of their steps is asked for
    return tuple(range(first + 1, min(first + most, last + 1) + 1))


def _kind(part: PartState, place: int) -> tuple[str, str | None, tuple[object, ...]] | None:
    """What neighbours must have in common; None for an item that stands alone."""
    item = part.items[place]
    alone = part.adaptive or part.instrument.alert_on(item.id) or item.shown_if_any_above is not None
    if alone or len(item.options) > MOST_OPTIONS:
        return None
    return (item.section, item.context, item.options)
