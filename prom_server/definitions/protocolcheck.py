"""What a protocol must satisfy beyond its shape: its battery and its windows."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from prom_server.core.instrument import Instrument
from prom_server.core.schedule import LONGEST_WINDOW, NOT_INFUSED_YET, Protocol, TimePoint
from prom_server.core.screens import MOST
from prom_server.definitions.crosscheck import wording
from prom_server.definitions.document import Finding, Place

Findings = Iterator[Finding]


def protocol_findings(protocol: Protocol, find: Callable[[str], Instrument | None]) -> tuple[Finding, ...]:
    """Everything wrong with one protocol. `find` gives the newest instrument by id, None where there is none."""
    return (*_battery(protocol, find), *_screens(protocol), *_time_points(protocol))


def _battery(protocol: Protocol, find: Callable[[str], Instrument | None]) -> Findings:
    seen: dict[str, str] = {}
    for n, name in enumerate(protocol.battery):
        instrument = find(name)
        if instrument is None:
            yield Finding(("battery", n), f"there is no instrument {name}")
            continue
        if instrument.alerts and n == len(protocol.battery) - 1:
            yield Finding(("battery", n), f"{name} watches for risk and must not be the last thing a patient answers")
        if instrument.beside is not None and instrument.beside not in protocol.battery:
            yield Finding(("battery", n), f"{name} needs {instrument.beside} beside it, which watches for a risk")
        for item in instrument.items:
            words = wording(item) or f"{name} {item.id}"  # without its wording it is at least not asked twice itself
            if (other := seen.setdefault(words, f"{name} {item.id}")) != f"{name} {item.id}":
                yield Finding(("battery", n), f"{name} {item.id} asks the same as {other}")
    if len(set(protocol.battery)) < len(protocol.battery):
        yield Finding(("battery",), "an instrument is there twice")


def _screens(protocol: Protocol) -> Findings:
    if protocol.items_per_screen > MOST:
        yield Finding(("items_per_screen",), f"is above {MOST}: a few items stand on a screen, in sight at once")


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
