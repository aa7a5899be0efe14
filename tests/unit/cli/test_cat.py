"""The command `cat`, from the outside."""

import json

import pytest
from click.testing import CliRunner, Result

from prom_server.cli.cat import cat
from prom_server.core.cat import replay
from prom_server.definitions.library import Library

DEPRESSION = "promis-depression-cat"
INSTRUMENT = Library.shipped().get(DEPRESSION)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cat, arguments)


def steps(*arguments: str) -> list[dict[str, object]]:
    result = run(DEPRESSION, *arguments)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_keys_and_their_order() -> None:
    [step] = steps("--answers", "3")
    assert list(step) == ["item", "response", "theta", "se", "t", "stop"]


def test_each_step_is_the_state_that_the_core_reaches() -> None:
    given: dict[str, int | None] = {}
    for step in steps("--answers", "2,-,4,1,5", "--cycle"):
        given[str(step["item"])] = step["response"]
        state = replay(INSTRUMENT, given)
        assert (step["theta"], step["se"], step["t"]) == (*state.estimate, 50 + 10 * state.estimate.theta)
        assert step["stop"] == state.stop
    assert step["stop"] is not None


def test_the_last_answer_is_repeated_or_the_list_cycled() -> None:
    repeated = [step["response"] for step in steps("--answers", "1,2", "--repeat")]
    assert repeated == [1, *[2] * (len(repeated) - 1)]
    assert len(repeated) >= 4
    cycled = [step["response"] for step in steps("--answers", "1,2", "--cycle")]
    assert len(cycled) >= 4
    assert cycled == [1 + n % 2 for n in range(len(cycled))]


def test_a_skipped_item_changes_no_estimate() -> None:
    before, after = steps("--answers", "3,-")
    assert after["response"] is None
    assert after["item"] != before["item"]
    assert (after["theta"], after["se"]) == (before["theta"], before["se"])
    assert [step["stop"] for step in steps("--answers", "-", "--repeat")] == [*[None] * 5, "skipped"]


def test_answers_that_end_before_the_test_does() -> None:
    result = run(DEPRESSION, "--answers", "3, 3")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    third = steps("--answers", "3,3,3")[2]["item"]
    assert result.stderr == f"The answers ended before the test did. The next item is {third}.\n"


def test_answers_that_are_not_needed() -> None:
    needed = len(steps("--answers", "3", "--repeat"))
    result = run(DEPRESSION, "--answers", ",".join("3" * needed + "99"))
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, needed)
    assert result.stderr == "The test had ended: the last 2 of the answers were not used.\n"
    assert run(DEPRESSION, "--answers", ",".join("3" * needed)).stderr == ""
    assert run(DEPRESSION, "--answers", "3", "--repeat").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DEPRESSION, "--answers", "3,9"), "9 is none of the points of EDDEP41 (1, 2, 3, 4, 5)"),
        ((DEPRESSION, "--answers", "3,-1"), "-1 is none of the points of"),
        ((DEPRESSION, "--answers", "3,x"), "'x' is neither a whole number nor -"),
        ((DEPRESSION, "--answers", "3,,3"), "'' is neither a whole number nor -"),
        ((DEPRESSION, "--answers", "3.0"), "'3.0' is neither a whole number nor -"),
        ((DEPRESSION, "--answers", "3", "--repeat", "--cycle"), "--repeat and --cycle exclude one another"),
        ((DEPRESSION,), "Missing option '--answers'"),
        (("phq-9", "--answers", "3"), "phq-9 is not adaptive"),
        (("sf-36", "--answers", "3"), "there is no instrument sf-36"),
        ((DEPRESSION, "--answers", "3", "--revision", "9"), f"there is no instrument {DEPRESSION}, revision 9"),
    ],
)
def test_what_cannot_be_run(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
