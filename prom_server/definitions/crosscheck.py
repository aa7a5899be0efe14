"""The linter: what an instrument must satisfy beyond its shape, so that a slip of the pen cannot become a score.

Each check yields findings with their place in the file. `optioncheck` holds what concerns answers, `scalecheck` the
numbers of one scale, `examples` the worked examples, `protocolcheck` protocols.
"""

from collections.abc import Iterable, Iterator, Mapping

from prom_server.core.instrument import Instrument, Item, ItemAlert, LicenceKind, Scale
from prom_server.core.rules import AdaptiveRule, CompositeRule, RatingRule, TableRule
from prom_server.definitions.alertcheck import score_alert_findings
from prom_server.definitions.document import Finding, Place
from prom_server.definitions.examples import example_findings
from prom_server.definitions.optioncheck import option_findings
from prom_server.definitions.scalecheck import scale_findings

Findings = Iterator[Finding]


def instrument_findings(instrument: Instrument) -> tuple[Finding, ...]:
    """Everything wrong with one instrument; empty when it is right."""
    alerts = (_alerts, score_alert_findings)
    checks = (_changes, _beside, option_findings, _texts, _scales, _adaptive, *alerts, _screening, _wording)
    found = [finding for check in checks for finding in check(instrument)]
    return tuple(found or example_findings(instrument))  # an example is only worth computing when the rest is right


def item_places(instrument: Instrument) -> list[Place]:
    """Where each item stands in the file: items are written inside their sections."""
    places: list[Place] = []
    for s, section in enumerate(instrument.sections):
        count = sum(item.section == section.id for item in instrument.items)
        places += [("sections", s, "items", i) for i in range(count)]
    return places


def wording(item: Item) -> str | None:
    """What a patient reads of an item, for comparing: by words, not by id. None where it is not shipped."""
    if item.text is None:
        return None
    return " ".join(f"{item.context or ''} {item.text}".lower().split()).rstrip(".:?")


def asked_twice(instrument: Instrument) -> Mapping[str, str]:
    """Item -> an earlier item that asks the same."""
    seen: dict[str, str] = {}
    words = {item.id: wording(item) for item in instrument.items}
    earlier = {item: seen.setdefault(read, item) for item, read in words.items() if read is not None}
    return {item: other for item, other in earlier.items() if other != item}


def _changes(instrument: Instrument) -> Findings:
    if instrument.revision == 1 and instrument.changes is not None:
        yield Finding(("changes",), "the first revision changes nothing")
    if instrument.revision > 1 and instrument.changes is None:
        yield Finding(("revision",), "needs `changes`: what it changed")


def _beside(instrument: Instrument) -> Findings:
    if instrument.beside == instrument.id:
        yield Finding(("beside",), "is this instrument itself")


def _texts(instrument: Instrument) -> Findings:
    for item, place in zip(instrument.items, item_places(instrument), strict=True):
        if item.text is None and (instrument.licence.kind is LicenceKind.FREE or item.placeholder is None):
            yield Finding(
                place, "has no text: only a licensed wording may be left out, and then a placeholder stands in"
            )


def _scales(instrument: Instrument) -> Findings:
    for n, scale in enumerate(instrument.scales):
        place: Place = ("scales", n)
        items = [instrument.item_by_id[item] for item in scale.items]
        if len(set(scale.items)) < len(items):
            yield Finding((*place, "items"), "an item counts twice")
        if unscored := [item.id for item in items if not item.scored]:
            yield Finding((*place, "items"), f"{', '.join(unscored)}: not a scored item")
        if isinstance(scale.rule, RatingRule) and len(items) != 1:
            yield Finding((*place, "items"), "a rating is of one item")
        if isinstance(scale.rule, CompositeRule):
            yield from _composite(instrument, scale.rule, (*place, "rule"))
        yield from _parameters(scale, items, (*place, "items"))
        yield from scale_findings(scale, items, place)
    used = {item for scale in instrument.scales for item in scale.items}
    if idle := [item.id for item in instrument.scored_items if item.id not in used]:
        yield Finding(("scales",), f"{', '.join(idle)}: scored, but in no scale")


def _composite(instrument: Instrument, rule: CompositeRule, place: Place) -> Findings:
    for n, part in ((n, part) for n, term in enumerate(rule.terms) for part in term.mean_of):
        of = instrument.scale_by_id[part.scale].rule
        if isinstance(of, CompositeRule):
            yield Finding((*place, "terms", n), "a composite of a composite")
        if isinstance(of, TableRule) and not of.rows:
            yield Finding((*place, "terms", n), f"{part.scale} has no published table")


def _parameters(scale: Scale, items: Iterable[Item], place: Place) -> Findings:
    """A pattern of answers can only be scored where every item has its parameters."""
    by_pattern = isinstance(scale.rule, AdaptiveRule) or (isinstance(scale.rule, TableRule) and scale.rule.pattern)
    if by_pattern and (without := [item.id for item in items if item.graded is None]):
        yield Finding(place, f"{', '.join(without)}: not in an item bank, and answers are scored by their pattern")


def _adaptive(instrument: Instrument) -> Findings:
    """One scale, every item in it, and nothing that waits for an item which may never be asked."""
    rule = instrument.adaptive
    if rule is None:
        return
    if len(instrument.scales) > 1:
        yield Finding(("scales", 1), "an adaptive instrument has one scale")
    for key, there in (("alerts", instrument.alerts), ("screening", instrument.screening)):
        if there:
            yield Finding((key,), "an adaptive instrument may never ask the item")
    for item, place in zip(instrument.items, item_places(instrument), strict=True):
        if not item.scored or item.shown_if_any_above is not None:
            yield Finding(place, "an adaptive instrument asks scored items only")
    place = ("scales", 0, "rule")
    if not rule.least <= rule.most <= len(instrument.items):
        yield Finding((*place, "most"), f"{rule.least} to {rule.most} of {len(instrument.items)} items")
    if rule.se_below <= 0:
        yield Finding((*place, "se_below"), "a standard error is above 0")


def _alerts(instrument: Instrument) -> Findings:
    for n, alert in enumerate(instrument.alerts):
        place: Place = ("alerts", n)
        before = instrument.alerts[:n]
        if unknown := [item for item in (alert.item, *alert.beside) if item not in instrument.item_by_id]:
            yield Finding(place, f"{', '.join(unknown)}: not an item of this file")
        else:
            yield from _alert_begins(instrument, alert, (*place, "at_least"))
            if instrument.item_by_id[alert.item].shown_if_any_above is not None:
                message = f"{alert.item} may never be asked: it is shown for some answers only"
                yield Finding((*place, "item"), message)
        rules = [rule for other in before for rule in (other.rule, other.unanswered_rule)]
        if alert.rule in rules or alert.unanswered_rule in (*rules, alert.rule):
            yield Finding((*place, "rule"), f"{alert.rule} or {alert.unanswered_rule} is there twice")
        if any(other.item == alert.item for other in before):
            yield Finding((*place, "item"), f"{alert.item} has an alert already")


def _alert_begins(instrument: Instrument, alert: ItemAlert, place: Place) -> Findings:
    item = instrument.item_by_id[alert.item]
    if item.option(alert.at_least) is None:
        yield Finding(place, f"{alert.at_least} is no option of {alert.item}")
    elif alert.at_least == min(option.value for option in item.options):
        yield Finding(place, f"every answer to {alert.item} would be an alert")
    if instrument.screening is not None and item.scored:
        positive = instrument.screening.positive_from_of.get(alert.item, instrument.screening.positive_from)
        if alert.at_least > positive:
            yield Finding(place, f"begins after {positive}, from where the screening rule counts {alert.item}")


def _screening(instrument: Instrument) -> Findings:
    screening = instrument.screening
    if screening is None:
        return
    scored = {item.id for item in instrument.scored_items}
    if unknown := {*screening.core, *screening.positive_from_of} - scored:
        yield Finding(("screening",), f"{', '.join(sorted(unknown))}: not a scored item of this file")
    for n, rule in enumerate(screening.rules):
        place: Place = ("screening", "rules", n)
        if not 1 <= rule.least <= rule.most <= len(scored):
            yield Finding(place, f"{rule.least} to {rule.most} items of {len(scored)}")
        if any(rule.id == other.id for other in screening.rules[:n]):
            yield Finding((*place, "id"), f"{rule.id} is there twice")


def _wording(instrument: Instrument) -> Findings:
    twice = asked_twice(instrument)
    for item, place in zip(instrument.items, item_places(instrument), strict=True):
        if item.id in twice:
            yield Finding(place, f"asks the same as {twice[item.id]}")
