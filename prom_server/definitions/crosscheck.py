"""The linter: what a definition must satisfy beyond its shape, so that a slip of the pen cannot become a score.

Each check yields findings with their place in the file. `scalecheck` holds what concerns the numbers of one scale.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise

from prom_server.core.alerts import alerts_of
from prom_server.core.instrument import CompositeRule, Instrument, Item, LicenceKind, RatingRule, WorkedExample
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.schedule import LONGEST_WINDOW, NOT_INFUSED_YET, Protocol, TimePoint
from prom_server.core.scoring import Score, score
from prom_server.core.screening import in_words, screen
from prom_server.definitions.document import Finding, Place
from prom_server.definitions.scalecheck import scale_findings

Findings = Iterator[Finding]


def instrument_findings(instrument: Instrument) -> tuple[Finding, ...]:
    """Everything wrong with one instrument, in the order of the file; empty when it is right."""
    found = [finding for check in (_items, _scales, _alerts, _screening, _wording) for finding in check(instrument)]
    return tuple(found or _examples(instrument))  # an example is only worth computing when the rest is right


def protocol_findings(protocol: Protocol, find: Callable[[str], Instrument | None]) -> tuple[Finding, ...]:
    """Everything wrong with one protocol. `find` gives the newest instrument by id, None where there is none."""
    return (*_battery(protocol, find), *_time_points(protocol))


def _items(instrument: Instrument) -> Findings:
    places = item_places(instrument)
    for item, place in zip(instrument.items, places, strict=True):
        if not _in_order([option.value for option in item.options]):
            yield Finding(place, "the values of its options neither rise nor fall")
        if len({option.label for option in item.options}) < len(item.options):
            yield Finding(place, "two of its options read the same")
        if item.text is None and (instrument.licence.kind is not LicenceKind.SUPPLEMENT or item.placeholder is None):
            yield Finding(
                place, "has no text: only a licensed wording may be left out, and then a placeholder stands in"
            )


def item_places(instrument: Instrument) -> list[Place]:
    """Where each item stands in the file: items are written inside their sections."""
    places: list[Place] = []
    for s, section in enumerate(instrument.sections):
        count = sum(item.section == section.id for item in instrument.items)
        places += [("sections", s, "items", i) for i in range(count)]
    return places


def _in_order(values: list[int]) -> bool:
    steps = [after - before for before, after in pairwise(values)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


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
            parts = [part.scale for term in scale.rule.terms for part in term.mean_of]
            if any(isinstance(instrument.scale_by_id[part].rule, CompositeRule) for part in parts):
                yield Finding((*place, "rule"), "a composite of a composite")
        yield from scale_findings(scale, items, place)
    used = {item for scale in instrument.scales for item in scale.items}
    if idle := [item.id for item in instrument.scored_items if item.id not in used]:
        yield Finding(("scales",), f"{', '.join(idle)}: scored, but in no scale")


def _alerts(instrument: Instrument) -> Findings:
    for n, alert in enumerate(instrument.alerts):
        place: Place = ("alerts", n)
        if unknown := [item for item in (alert.item, *alert.beside) if item not in instrument.item_by_id]:
            yield Finding(place, f"{', '.join(unknown)}: not an item of this file")
        elif instrument.item_by_id[alert.item].option(alert.at_least) is None:
            yield Finding((*place, "at_least"), f"{alert.at_least} is no option of {alert.item}")


def _screening(instrument: Instrument) -> Findings:
    screening = instrument.screening
    if screening is None:
        return
    scored = {item.id for item in instrument.scored_items}
    if unknown := {*screening.core, *screening.positive_from_of} - scored:
        yield Finding(("screening",), f"{', '.join(sorted(unknown))}: not a scored item of this file")
    for n, rule in enumerate(screening.rules):
        if not 1 <= rule.least <= rule.most <= len(scored):
            yield Finding(("screening", "rules", n), f"{rule.least} to {rule.most} items of {len(scored)}")


def _wording(instrument: Instrument) -> Findings:
    seen: dict[str, str] = {}
    for item, place in zip(instrument.items, item_places(instrument), strict=True):
        words = wording(item)
        if words is not None and (other := seen.setdefault(words, item.id)) != item.id:
            yield Finding(place, f"asks the same as {other}")


def wording(item: Item) -> str | None:
    """What a patient reads of an item, for comparing: by words, not by id. None where it is not shipped."""
    if item.text is None:
        return None
    return " ".join(f"{item.context or ''} {item.text}".lower().split()).rstrip(".:?")


def _examples(instrument: Instrument) -> Findings:
    if len(instrument.checks) < 3:
        yield Finding(("check",), "needs 3 worked examples or more")
    if all(None not in example.answers.values() for example in instrument.checks):
        yield Finding(("check",), "needs a worked example with a missing answer")
    for n, example in enumerate(instrument.checks):
        for message in _differences(instrument, example):
            yield Finding(("check", n), f"{example.name}: {message}")
    if untried := set(instrument.scale_by_id) - {scale for example in instrument.checks for scale in example.expect}:
        yield Finding(("check",), f"{', '.join(sorted(untried))}: in no worked example")


def _differences(instrument: Instrument, example: WorkedExample) -> Iterator[str]:
    """Where the computed differs from the written."""
    try:
        scores = {of.scale: _as_written(of) for of in score(instrument, example.answers)}
    except InvalidAnswer as refusal:
        yield str(refusal)
        return
    for scale, expected in example.expect.items():
        for key, value in expected.items():
            if scale not in scores:
                yield f"there is no scale {scale}"
            elif scores[scale][key] != value:
                yield f"{scale}.{key} is {scores[scale][key]}, not {value}"
    if (raised := tuple(alert.rule for alert in alerts_of(instrument, example.answers))) != example.alerts:
        yield f"raises {', '.join(raised) or 'no alert'}, not {', '.join(example.alerts) or 'none'}"
    if (screened := in_words(screen(instrument, example.answers))) != example.screening:
        yield f"screens {screened}, not {dict(example.screening)}"


def _as_written(of: Score) -> Mapping[str, object]:
    keys = ("status", "raw", "value", "se", "band", "answered", "reason")
    return {key: getattr(of, key) for key in keys}


def _battery(protocol: Protocol, find: Callable[[str], Instrument | None]) -> Findings:
    seen: dict[str, str] = {}
    for n, name in enumerate(protocol.battery):
        instrument = find(name)
        if instrument is None:
            yield Finding(("battery", n), f"there is no instrument {name}")
            continue
        if instrument.alerts and n == len(protocol.battery) - 1:
            yield Finding(("battery", n), f"{name} watches for risk and must not be the last thing a patient answers")
        for item in instrument.items:
            words = wording(item) or f"{name} {item.id}"  # without its wording it is at least not asked twice itself
            if (other := seen.setdefault(words, f"{name} {item.id}")) != f"{name} {item.id}":
                yield Finding(("battery", n), f"{name} {item.id} asks the same as {other}")
    if len(set(protocol.battery)) < len(protocol.battery):
        yield Finding(("battery",), "an instrument is there twice")


def _time_points(protocol: Protocol) -> Findings:
    for n, point in enumerate(protocol.time_points):
        place: Place = ("time_points", n)
        if not (point.opens <= point.due <= point.closes and point.due < point.overdue <= point.closes + 1):
            yield Finding(place, "opens, due, overdue and closes are not in this order")
        before = protocol.time_points[:n]
        if any(point.id == other.id for other in before):
            yield Finding((*place, "id"), f"{point.id} is there twice")
        if any(_overlap(point, other) for other in before):
            yield Finding(place, "overlaps another window of the same anchor")
        if timedelta(days=point.closes - point.opens) + NOT_INFUSED_YET > LONGEST_WINDOW:
            yield Finding(place, f"is open for longer than {(LONGEST_WINDOW - NOT_INFUSED_YET).days} days")


def _overlap(one: TimePoint, other: TimePoint) -> bool:
    return one.anchor is other.anchor and one.opens <= other.closes and other.opens <= one.closes
