"""A supplement applied to its instrument. What does not fit exactly is refused with its line."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from math import ceil, floor

from prom_server.core.instrument import Band, Instrument, Item, Scale
from prom_server.core.refusals import DefinitionError
from prom_server.core.rules import TableRule
from prom_server.definitions.document import Finding
from prom_server.definitions.ranges import value_range
from prom_server.definitions.scalecheck import table_findings
from prom_server.definitions.supplements import Supplement
from prom_server.definitions.tables import Table


def apply(instrument: Instrument, with_: Supplement) -> Instrument:
    """The instrument with the clinic's wording, translation or tables. Raises `DefinitionError` for what does not fit.

    Several are applied one after the other: the clinic's own before its translation. `supplement_hash` tells them all.
    """
    misfits = _translation_misfits if with_.is_translation else _misfits
    if findings := [*_wrong_instrument(instrument, with_)] or [*misfits(instrument, with_)]:
        raise with_.document.error(findings)
    items = tuple(_worded(item, with_) for item in instrument.items)
    before, added = instrument.supplement_hash, with_.content_hash
    return replace(
        instrument,
        items=items,
        scales=tuple(_tabled(instrument, scale, with_.tables.get(scale.id)) for scale in instrument.scales),
        language=with_.language,
        supplement_hash=sha256(f"{before}{added}".encode()).hexdigest() if before else added,
    )


def _wrong_instrument(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    if (with_.instrument, with_.revision) != (instrument.id, instrument.revision):
        yield Finding(("supplement",), f"is for {with_.instrument} revision {with_.revision}, not {instrument.id}")


def _misfits(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    """Of the clinic's own wording and tables."""
    yield from _unknown_items(instrument, with_)
    for item in instrument.items:
        if item.id in with_.items and item.text is not None:
            yield Finding(("items", item.id), "has its publisher's wording already")
        elif item.id in with_.items and with_.context is not None and item.context is not None:
            yield Finding(("context",), "the stem is there already")
        elif with_.items and item.text is None and item.id not in with_.items:
            yield Finding(("items",), f"{item.id}: still without wording")
    for scale in with_.tables:
        rule = instrument.scale_by_id[scale].rule if scale in instrument.scale_by_id else None
        if rule is None:
            yield Finding(("tables", scale), f"is no scale of {instrument.id}")
        elif not isinstance(rule, TableRule) or rule.rows:
            yield Finding(("tables", scale), "is scored as published: only a table marked `supplied` may be added")


def _translation_misfits(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    """A translation is whole: a patient never reads two languages on one page."""
    yield from _unknown_items(instrument, with_)
    if missing := [item.id for item in instrument.items if item.id not in with_.items]:
        yield Finding(("items",), f"{', '.join(missing)}: not translated")
    yield from _untranslated_stems(instrument, with_)
    yield from _untranslated_options(instrument, with_)


def _untranslated_stems(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    stems = dict.fromkeys(item.context for item in instrument.items if item.context is not None)
    for stem in stems:
        if stem not in with_.contexts:
            yield Finding(("contexts",), f"{_short(stem)}: not translated")
    for stem in with_.contexts:
        if stem not in stems:
            yield Finding(("contexts", stem), f"is no context of {instrument.id}")
    if with_.context is not None and stems:
        yield Finding(("context",), "the stem is there already: translate it under `contexts`")


def _untranslated_options(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    lists = {item.option_list: {option.value for option in item.options} for item in instrument.items}
    for name, values in lists.items():
        labels = with_.options.get(name, {})
        if missing := sorted(values - labels.keys()):
            yield Finding(("options", name), f"the labels of {', '.join(map(str, missing))} are not translated")
        if len(set(labels.values())) < len(labels):
            yield Finding(("options", name), "two labels read the same")
        for value in labels.keys() - values:
            yield Finding(("options", name, str(value)), "is no option's value")
    for name in with_.options.keys() - lists.keys():
        yield Finding(("options", name), f"is no list of options of {instrument.id}")


def _unknown_items(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    for item in with_.items:
        if item not in instrument.item_by_id:
            yield Finding(("items", item), f"is no item of {instrument.id}")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


def _worded(item: Item, with_: Supplement) -> Item:
    if item.id not in with_.items:
        return item
    labels = with_.options.get(item.option_list)
    options = item.options if labels is None else tuple(replace(o, label=labels[o.value]) for o in item.options)
    context = with_.context or item.context
    return replace(
        item,
        text=with_.items[item.id],
        context=with_.contexts.get(context, context) if context else None,
        options=options,
    )


def _tabled(instrument: Instrument, scale: Scale, table: Table | None) -> Scale:
    """The scale with its table, checked like a shipped one; its axis widened where values lie outside."""
    if table is None or not isinstance(scale.rule, TableRule):
        return scale
    rule = replace(scale.rule, rows=table.rows, source=table.source)
    items = [instrument.item_by_id[item] for item in scale.items]
    if wrong := [f"{table.at(raw)}: {message}" for raw, message in table_findings(rule, items)]:
        raise DefinitionError("\n".join(wrong))
    low, high = value_range(rule, items, {})
    return _widened(replace(scale, rule=rule, low=low, high=high))


def _widened(scale: Scale) -> Scale:
    """With an axis to the next ten, its ticks and its outer bands following, where a value lies outside."""
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
