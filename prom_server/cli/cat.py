"""`prom-server cat`: an adaptive test, step by step, from answers given beforehand."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import click

from prom_server.cli.named import instrument_named, revision_option
from prom_server.core.cat import State, start
from prom_server.core.instrument import Instrument

_POINTS = re.compile(r"-?[0-9]{1,9}")

Answer = int | None  # points, None for a skipped item


class Step(NamedTuple):
    """An answer, and the state after it."""

    item: str
    answer: Answer
    state: State


class _Answers(click.ParamType[list[Answer]]):
    name = "POINTS,…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[Answer]:
        words = [word.strip() for word in str(value).split(",")]
        for word in words:
            if word != "-" and not _POINTS.fullmatch(word):
                self.fail(f"{word!r} is neither a whole number nor - (skipped)", param, ctx)
        return [None if word == "-" else int(word) for word in words]


@click.command()
@click.argument("instrument_id", metavar="INSTRUMENT")
@click.option("--answers", type=_Answers(), required=True, help="Points in the order of asking; - is a skipped item.")
@click.option("--repeat", is_flag=True, help="The last answer again, as often as needed.")
@click.option("--cycle", is_flag=True, help="All answers again from the first, as often as needed.")
@revision_option
def cat(instrument_id: str, answers: list[Answer], repeat: bool, cycle: bool, revision: int | None) -> None:
    """Run an adaptive test: which item is asked, and the estimate after each answer.

    Writes one JSON line for each step: {"item", "response", "theta", "se", "t", "stop"}. `stop` is null until the test
    ends, then why: precision, length, skipped or exhausted.
    """
    if repeat and cycle:
        raise click.UsageError("--repeat and --cycle exclude one another.")
    instrument = instrument_named(instrument_id, revision)
    if instrument.adaptive is None:
        raise click.BadParameter(f"{instrument.id} is not adaptive.", param_hint="INSTRUMENT")
    steps = list(_steps(instrument, _as_needed(answers, repeat=repeat, cycle=cycle)))
    for step in steps:
        click.echo(json.dumps(_as_json(step)))
    _say_what_is_left(steps[-1].state, len(answers) - len(steps))


def _as_needed(answers: list[Answer], *, repeat: bool, cycle: bool) -> Iterator[Answer]:
    if cycle:
        return itertools.cycle(answers)
    return itertools.chain(answers, itertools.repeat(answers[-1])) if repeat else iter(answers)


def _steps(instrument: Instrument, answers: Iterator[Answer]) -> Iterator[Step]:
    """Until the test ends, or the answers do."""
    state = start(instrument)
    while state.item is not None:
        item = state.item
        try:
            answer = next(answers)
        except StopIteration:
            return
        if answer is not None and answer not in instrument.points[item].values():
            known = ", ".join(str(points) for points in sorted(instrument.points[item].values()))
            raise click.BadParameter(f"{answer} is none of the points of {item} ({known}).", param_hint="--answers")
        state = state.after(answer)
        yield Step(item, answer, state)


def _as_json(step: Step) -> dict[str, object]:
    estimate, stop = step.state.estimate, step.state.stop
    return {
        "item": step.item,
        "response": step.answer,
        "theta": estimate.theta,
        "se": estimate.se,
        "t": estimate.t,
        "stop": stop,
    }


def _say_what_is_left(state: State, unused: int) -> None:
    if state.item is not None:
        click.echo(f"The answers ended before the test did. The next item is {state.item}.", err=True)
    elif unused > 0:
        click.echo(f"The test had ended: the last {unused} of the answers were not used.", err=True)
