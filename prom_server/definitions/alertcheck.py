"""What rules of alerts must satisfy beyond their shape: that they name what is there, and can be met and missed."""

from collections.abc import Callable, Iterator

from prom_server.core.alerts import is_met, least_severity
from prom_server.core.instrument import Instrument, Scale, ScoreAlert
from prom_server.core.schedule import Protocol
from prom_server.core.worsening import BASELINE, ProtocolAlert, Worsening, has_margin
from prom_server.definitions.document import Finding, Place

Findings = Iterator[Finding]
LONGEST = 40  # of the name of a rule, as it is stored


def score_alert_findings(instrument: Instrument) -> Findings:
    """Of an instrument's rules on scales. In the file they stand among its rules on items."""
    of_items = {name for rule in instrument.alerts for name in (rule.rule, rule.unanswered_rule)}
    for n, rule in enumerate(instrument.score_alerts):
        place: Place = ("alerts",)
        if rule.rule in of_items or any(other.rule == rule.rule for other in instrument.score_alerts[:n]):
            yield Finding(place, f"{rule.rule} is there twice")
        if len(rule.rule) > LONGEST:
            yield Finding(place, f"{rule.rule} is longer than {LONGEST} letters")
        scale = instrument.scale_by_id.get(rule.scale)
        if scale is None:
            yield Finding(place, f"{rule.rule}: {rule.scale} is not a scale of this file")
        else:
            yield from _limit(rule, scale, place)


def _limit(rule: ScoreAlert, scale: Scale, place: Place) -> Findings:
    by_band = rule.at_least is None and rule.at_most is None
    if by_band and (least_severity(rule, scale) is None or not scale.bands):
        yield Finding(place, f"{rule.rule}: {scale.id} has no such band")
        return
    values = [band.low for band in scale.bands] if by_band else [scale.low, scale.high]
    met = [is_met(rule, scale, value) for value in values]
    if all(met):
        yield Finding(place, f"{rule.rule}: every score would be an alert")
    elif not any(met):
        yield Finding(place, f"{rule.rule}: no score could be an alert")


def protocol_alert_findings(protocol: Protocol, find: Callable[[str], Instrument | None]) -> Findings:
    for n, rule in enumerate(protocol.alerts):
        place: Place = ("alerts", n)
        instrument = find(rule.instrument) if rule.instrument in protocol.battery else None
        if instrument is None:
            yield Finding(place, f"{rule.instrument} is not in the battery")
            continue
        yield from _of_protocol(protocol, instrument, rule, place)
        if any((other.instrument, other.rule) == (rule.instrument, rule.rule) for other in protocol.alerts[:n]):
            yield Finding(place, "is there twice")
        if len(rule.rule) > LONGEST:
            yield Finding(place, f"its name {rule.rule} is longer than {LONGEST} letters")


def _of_protocol(protocol: Protocol, instrument: Instrument, rule: ProtocolAlert, place: Place) -> Findings:
    own = {name for each in instrument.alerts for name in (each.rule, each.unanswered_rule)}
    if rule.rule in own | {each.rule for each in instrument.score_alerts}:
        yield Finding(place, f"{instrument.id} has a rule of this name, {rule.rule}")
    if not isinstance(rule, Worsening):
        if rule.item not in instrument.item_by_id:
            yield Finding((*place, "item_rises"), f"{rule.item} is not an item of {instrument.id}")
        return
    if all(point.id != BASELINE for point in protocol.time_points):
        yield Finding(place, f"there is no time point {BASELINE} to be worse than")
    scale = instrument.scale_by_id.get(rule.scale)
    if scale is None:
        yield Finding((*place, "worsening"), f"{rule.scale} is not a scale of {instrument.id}")
    elif not has_margin(scale, rule.by):
        yield Finding((*place, "worsening", "by"), f"{rule.scale} has no published number for this")
