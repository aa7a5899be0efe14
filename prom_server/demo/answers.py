"""Plausible synthetic answers: as bad as a person is at that time point, a little uneven, the same at every run."""

from random import Random

from prom_server.core.instrument import Better, Instrument, Item
from prom_server.demo.cast import Answers


def answer(instrument: Instrument, item: Item, wanted: Answers, chance: Random) -> int | None:
    """The value of one item; None where the person skips it."""
    if item.id in wanted.skip:
        return None
    alert = instrument.alert_on(item.id)
    if alert is not None:
        return wanted.item_9
    values = sorted(option.value for option in item.options)
    severity = min(1.0, max(0.0, chance.gauss(wanted.severity - _milder(instrument), 0.13)))
    if _better(instrument, item) is Better.HIGHER:
        severity = 1 - severity
    return values[round(severity * (len(values) - 1))]


def _better(instrument: Instrument, item: Item) -> Better:
    """Which way the item points: as the first scale that it enters."""
    return next((scale.better for scale in instrument.scales if item.id in scale.items), Better.LOWER)


def _milder(instrument: Instrument) -> float:
    """People with chronic pain report less distress than pain: the questionnaires on mood get a milder answer."""
    return 0.25 if instrument.id in {"phq-9", "gad-7"} else 0.08
