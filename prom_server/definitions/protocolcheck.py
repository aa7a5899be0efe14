"""What a protocol must satisfy beyond its shape: its battery and its windows."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from prom_server.core.instrument import Instrument
from prom_server.core.schedule import LONGEST_WINDOW, NOT_INFUSED_YET, Anchor, Protocol, Reminders, Window
from prom_server.core.screens import MOST
from prom_server.definitions.alertcheck import protocol_alert_findings
from prom_server.definitions.crosscheck import wording
from prom_server.definitions.document import Finding, Place

Findings = Iterator[Finding]

DAY = timedelta(days=1)
FOUR_YEARS = tuple(date(2023, 1, 1) + n * DAY for n in range(1461))  # with a leap day: every day there is to count from


def protocol_findings(protocol: Protocol, find: Callable[[str], Instrument | None]) -> tuple[Finding, ...]:
    """Everything wrong with one protocol. `find` gives the newest instrument by id, None where there is none."""
    return (
        *_battery(protocol, find),
        *_screens(protocol),
        *protocol_alert_findings(protocol, find),
        *_infusions(protocol),
        *_reminders(protocol),
        *_time_points(protocol),
    )


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


def _infusions(protocol: Protocol) -> Findings:
    offsets, place = protocol.infusion_offsets, ("infusion_offsets",)
    if len(offsets) != protocol.planned_infusions:
        yield Finding(place, f"has {len(offsets)} days for {protocol.planned_infusions} planned infusions")
    elif offsets and offsets[0] != 0:
        yield Finding(place, "does not begin with 0, the day of the first infusion")
    yield from _ascending(offsets, place)
    for n, point in enumerate(protocol.time_points):
        if (point.anchor is Anchor.START) is (protocol.planned_infusions > 0):
            planned = "infusions are planned" if protocol.planned_infusions else "no infusion is planned"
            yield Finding(("time_points", n, "anchor"), f"{point.anchor} is not an anchor where {planned}")
        elif point.closes_at_first_infusion and point.anchor is not Anchor.FIRST_INFUSION:
            message = f"does not go with {point.anchor}: only what counts from the first infusion closes with it"
            yield Finding(("time_points", n, "closes_at_first_infusion"), message)


def _reminders(protocol: Protocol) -> Findings:
    """Those of the file itself: the product's own go as far as a window is open, and no further."""
    reminders, place = protocol.reminders, ("reminders", "after_due")
    if reminders == Reminders():
        return
    yield from _ascending(reminders.after_due, place)
    windows = [window for each in _windows(protocol) for window in each]
    longest = max((window.closes_on - window.due_on).days for window in windows)
    for n, days in enumerate(reminders.after_due):
        if days > longest:
            yield Finding((*place, n), f"every window has closed {days} days after it was due")


def _ascending(days: Sequence[int], place: Place) -> Findings:
    for n in range(1, len(days)):
        if days[n] <= days[n - 1]:
            yield Finding((*place, n), f"{days[n]} comes after {days[n - 1]}: each day once, in order")


def _time_points(protocol: Protocol) -> Findings:
    all_windows = _windows(protocol)
    for n, (point, windows) in enumerate(zip(protocol.time_points, all_windows, strict=True)):
        place: Place = ("time_points", n)
        before = list(zip(protocol.time_points[:n], all_windows, strict=False))
        if any(point.id == other.id for other, _ in before):
            yield Finding((*place, "id"), f"{point.id} is there twice")
        if wrong := [anchor for anchor, each in zip(FOUR_YEARS, windows, strict=False) if not _in_order(each)]:
            some = f" when they count from {wrong[0]}" if len(wrong) < len(windows) else ""
            yield Finding(place, f"opens, due, overdue and closes are not in this order{some}")
        if any(_overlap(windows, theirs) for other, theirs in before if other.anchor is point.anchor):
            yield Finding(place, "overlaps another window of the same anchor")
        if any(each.closes_on - each.opens_on + NOT_INFUSED_YET > LONGEST_WINDOW for each in windows):
            yield Finding(place, f"is open for longer than {(LONGEST_WINDOW - NOT_INFUSED_YET).days} days")


def _windows(protocol: Protocol) -> Sequence[Sequence[Window]]:
    """Of each time point, for every anchor day that makes a difference: one day where nothing counts in months."""
    offsets = [each for point in protocol.time_points for each in (point.opens, point.due, point.overdue, point.closes)]
    anchors = FOUR_YEARS if any(each.months for each in offsets) else FOUR_YEARS[:1]
    return [[point.window(anchor) for anchor in anchors] for point in protocol.time_points]


def _in_order(each: Window) -> bool:
    return each.opens_on <= each.due_on <= each.closes_on and each.due_on < each.overdue_on <= each.closes_on + DAY


def _overlap(ones: Sequence[Window], others: Sequence[Window]) -> bool:
    """Whether they do from any anchor."""
    pairs = zip(ones, others, strict=True)
    return any(one.opens_on <= other.closes_on and other.opens_on <= one.closes_on for one, other in pairs)
