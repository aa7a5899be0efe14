"""A form as a patient sees it, without a patient: the answers are carried along and stored nowhere."""

from collections.abc import Mapping

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.responses import Current, check_value
from prom_server.core.visit import PartState

Answers = Mapping[str, int | None]

SKIPPED = "-"


def part(instrument: Instrument, answers: Answers) -> PartState:
    """The only part of a battery of one."""
    responses = {item: Current(value, n) for n, (item, value) in enumerate(answers.items(), 1)}
    return PartState(0, 1, instrument, responses, len(answers), submitted=False)


def read(instrument: Instrument, text: str) -> dict[str, int | None]:
    """Answers as an address carries them: "phq1:2,phq2:-". Raises InvalidAnswer."""
    answers: dict[str, int | None] = {}
    for pair in text.split(",") if text else ():
        item, _, value = pair.partition(":")
        answers |= answering(instrument, item, value)
    return answers


def answering(instrument: Instrument, item_id: str, value: str) -> dict[str, int | None]:
    """One answer, checked. Raises InvalidAnswer."""
    item = instrument.item_by_id.get(item_id)
    if item is None:
        raise InvalidAnswer(f"{instrument.id} has no such item")
    if value == SKIPPED:
        return {item_id: None}
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise InvalidAnswer("not a whole number", item_id)
    check_value(item, int(value))
    return {item_id: int(value)}


def written(answers: Answers) -> str:
    return ",".join(f"{item}:{SKIPPED if value is None else value}" for item, value in answers.items())
