"""Holds what prom_server scores against what the independent scorer does."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from prom_server.core import cat
from prom_server.core.instrument import Instrument
from prom_server.core.scoring import Score, score
from tests.support import independent
from tests.support.independent import Answers, Form, Found


def differences(instrument: Instrument, form: Form, answers: Answers) -> Iterator[str]:
    """One sentence for each scale, and for the next item of an adaptive form; none where all is the same."""
    ours = {of.scale: _plain(of) for of in score(instrument, answers)}
    theirs = independent.score(form, answers)
    for scale in ours | theirs:
        if ours.get(scale) != theirs.get(scale):
            yield f"{form.id} {scale}, {answers}: {ours.get(scale)} is not {theirs.get(scale)}"
    if form.adaptive:
        state = cat.replay(instrument, answers)
        item = independent.next_item(form, tuple(answers.items()))
        if (state.asked, state.item) != (tuple(answers), item):
            yield f"{form.id}, {answers}: asks {state.item} after {state.asked}, not {item}"


def _plain(of: Score) -> Found:
    value, se = _fraction(of.value), _fraction(of.se)
    return Found(str(of.status), of.reason and str(of.reason), of.raw, value, se, of.answered, of.items, of.band)


def _fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)
