"""Worked examples: what the file says must come out, beside what comes out."""

from collections.abc import Iterator, Mapping

from prom_server.core import cat
from prom_server.core.alerts import alerts_of
from prom_server.core.instrument import Instrument, WorkedExample
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.scoring import Score, score
from prom_server.core.screening import in_words, screen
from prom_server.definitions.document import Finding

LEAST = 3


def example_findings(instrument: Instrument) -> Iterator[Finding]:
    if len(instrument.checks) < LEAST:
        yield Finding(("check",), f"needs {LEAST} worked examples or more")
    if all(None not in example.answers.values() for example in instrument.checks):
        yield Finding(("check",), "needs a worked example with a missing answer")
    for n, example in enumerate(instrument.checks):
        for message in _differences(instrument, example):
            yield Finding(("check", n), f"{example.name}: {message}")
    if untried := set(instrument.scale_by_id) - {scale for example in instrument.checks for scale in example.expect}:
        yield Finding(("check",), f"{', '.join(sorted(untried))}: in no worked example")


def _differences(instrument: Instrument, example: WorkedExample) -> Iterator[str]:
    """Where the computed differs from the written."""
    if instrument.adaptive is not None and (wrong := _asked_otherwise(instrument, example)):
        yield wrong
        return
    try:
        found = score(instrument, example.answers)
    except InvalidAnswer as refusal:
        yield str(refusal)
        return
    scores = {of.scale: _as_written(of) for of in found}
    for scale, expected in example.expect.items():
        for key, value in expected.items():
            if scale not in scores:
                yield f"there is no scale {scale}"
            elif scores[scale][key] != value:
                yield f"{scale}.{key} is {scores[scale][key]}, not {value}"
    if (raised := tuple(alert.rule for alert in alerts_of(instrument, example.answers, found))) != example.alerts:
        yield f"raises {', '.join(raised) or 'no alert'}, not {', '.join(example.alerts) or 'none'}"
    if (screened := in_words(screen(instrument, example.answers))) != example.screening:
        yield f"screens {screened}, not {dict(example.screening)}"


def _asked_otherwise(instrument: Instrument, example: WorkedExample) -> str | None:
    """Where an adaptive test would have asked another item than the one written."""
    state = cat.start(instrument)
    for written, value in example.answers.items():
        if state.item is None:
            return f"ends ({state.stop}) before {written}"
        if written != state.item:
            return f"asks {state.item} next, not {written}"
        item = instrument.item_by_id[written]
        if value is not None and item.option(value) is None:
            return f"{written}: {value} is none of its options"
        state = state.after(None if value is None else item.points(value))
    return None


def _as_written(of: Score) -> Mapping[str, object]:
    keys = ("status", "raw", "value", "se", "band", "answered", "reason")
    return {key: getattr(of, key) for key in keys}
