"""A supplement applied to its instrument. What does not fit exactly is refused with its line."""

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from math import ceil, floor

from prom_server.core.instrument import Band, Instrument, Item, Scale
from prom_server.core.refusals import DefinitionError
from prom_server.core.rules import TableRule
from prom_server.definitions.ranges import value_range
from prom_server.definitions.supplementcheck import misfits, table_errors, wording_findings
from prom_server.definitions.supplements import Supplement
from prom_server.definitions.tables import Table


def apply(instrument: Instrument, with_: Supplement) -> Instrument:
    """The instrument with the clinic's wording, translation or tables. Raises `DefinitionError` for what does not fit.

    What comes out is held to what a shipped instrument is held to.
    """
    if findings := misfits(instrument, with_):
        raise with_.document.error(findings)
    applied = merge(instrument, with_)
    if errors := [*table_errors(applied, with_)]:
        raise DefinitionError("\n".join(errors))
    if findings := [*wording_findings(applied)]:
        raise with_.document.error(findings)
    return applied


def merge(instrument: Instrument, with_: Supplement) -> Instrument:
    """The same, unchecked: of a supplement that was applied before, when the rules may have been others.

    Several are applied one after the other: the clinic's own before its translation. `supplement_hash` tells them all.
    """
    items = tuple(_worded(item, with_) for item in instrument.items)
    before, added = instrument.supplement_hash, with_.content_hash
    return replace(
        instrument,
        sections=tuple(replace(each, title=with_.sections.get(each.id, each.title)) for each in instrument.sections),
        items=items,
        scales=tuple(_tabled(instrument, scale, with_.tables.get(scale.id)) for scale in instrument.scales),
        language=with_.language,
        supplement_hash=sha256(f"{before}{added}".encode()).hexdigest() if before else added,
    )


def _worded(item: Item, with_: Supplement) -> Item:
    if item.id not in with_.items:
        return item
    labels = with_.options.get(item.option_list, {})
    options = tuple(replace(option, label=labels.get(option.value, option.label)) for option in item.options)
    context = with_.context or item.context
    return replace(
        item,
        text=with_.items[item.id],
        context=with_.contexts.get(context, context) if context else None,
        options=options,
    )


def _tabled(instrument: Instrument, scale: Scale, table: Table | None) -> Scale:
    """The scale with its table; its axis widened where values lie outside."""
    if table is None or not isinstance(scale.rule, TableRule):
        return scale
    rule = replace(scale.rule, rows=table.rows, source=table.source)
    items = [instrument.item_by_id[item] for item in scale.items]
    low, high = value_range(rule, items, {})
    return _widened(replace(scale, rule=rule, low=low, high=high))


def _widened(scale: Scale) -> Scale:
    """With an axis to the next ten, its ticks and its outer bands following, where a value lies outside.

    T is within 5 to 95 (see `scalecheck`), so no axis goes beyond 0 to 100.
    """
    low = scale.axis[0] if scale.axis[0] <= scale.low else Decimal(10 * floor(scale.low / 10))
    high = scale.axis[1] if scale.high <= scale.axis[1] else Decimal(10 * ceil(scale.high / 10))
    if (low, high) == scale.axis:
        return scale
    tens = {Decimal(t) for t in range(int(low), int(high) + 1, 10) if not scale.axis[0] <= t <= scale.axis[1]}
    return replace(
        scale, axis=(low, high), ticks=tuple(sorted({*scale.ticks, *tens})), bands=_stretched(scale.bands, low, high)
    )


def _stretched(bands: tuple[Band, ...], low: Decimal, high: Decimal) -> tuple[Band, ...]:
    if not bands:
        return ()
    first = replace(bands[0], low=low)
    return (first, *bands[1:-1], replace(bands[-1], high=high))
