"""What a supplement must satisfy: it fits its instrument exactly, and what it makes would pass as a shipped one."""

from collections.abc import Iterator

from prom_server.core.instrument import Instrument
from prom_server.core.rules import TableRule
from prom_server.definitions.crosscheck import asked_twice
from prom_server.definitions.document import Finding
from prom_server.definitions.optioncheck import option_findings
from prom_server.definitions.scalecheck import table_findings
from prom_server.definitions.supplements import Supplement


def misfits(instrument: Instrument, with_: Supplement) -> list[Finding]:
    """What keeps a supplement from being applied to an instrument."""
    fitting = _translation_misfits if with_.is_translation else _misfits
    return [*_wrong_instrument(instrument, with_)] or [*fitting(instrument, with_)]


def table_errors(instrument: Instrument, with_: Supplement) -> Iterator[str]:
    """What is wrong with the tables of an instrument that the supplement was applied to, by file and line."""
    for scale_id, table in with_.tables.items():
        scale = instrument.scale_by_id[scale_id]
        items = [instrument.item_by_id[item] for item in scale.items]
        if isinstance(scale.rule, TableRule):
            yield from (f"{table.at(raw)}: {message}" for raw, message in table_findings(scale.rule, items))


def wording_findings(instrument: Instrument) -> Iterator[Finding]:
    """What is wrong with the words of an instrument that a supplement was applied to, by their places there."""
    for item, other in asked_twice(instrument).items():
        yield Finding(("items", item), f"asks the same as {other}")
    for found in option_findings(instrument):
        yield Finding(found.place[:2], found.message)  # the list: what is beyond counts its rows in the definition


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
    yield from _untranslated_sections(instrument, with_)
    yield from _untranslated_stems(instrument, with_)
    yield from _untranslated_options(instrument, with_)


def _untranslated_sections(instrument: Instrument, with_: Supplement) -> Iterator[Finding]:
    if missing := [section.id for section in instrument.sections if section.id not in with_.sections]:
        yield Finding(("sections",), f"{', '.join(missing)}: not translated")
    for section in with_.sections:
        if section not in instrument.section_by_id:
            yield Finding(("sections", section), f"is no section of {instrument.id}")


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
