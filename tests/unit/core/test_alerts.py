"""What one answer raises, and what a whole form does."""

import pytest

from prom_server.core.alerts import RaisedAlert, alerts_of, raised_by
from prom_server.core.instrument import Level
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()
PHQ9 = LIBRARY.get("phq-9")


@pytest.mark.parametrize(("value", "raises"), [(0, False), (1, True), (2, True), (3, True), (None, False)])
def test_item_9_raises_from_1_on(value: int | None, raises: bool) -> None:
    rule = raised_by(PHQ9, "phq9", value)
    assert (rule is not None) is raises
    assert rule is None or (rule.rule, rule.beside) == ("item-9", ("phq1", "phq2"))


def test_no_other_item_raises_anything() -> None:
    others = [item for item in PHQ9.items if item.id != "phq9"]
    assert all(raised_by(PHQ9, item.id, option.value) is None for item in others for option in item.options)
    assert raised_by(PHQ9, "unknown", 3) is None


def test_a_form_raises_the_alert_with_everything_else_missing() -> None:
    assert alerts_of(PHQ9, {"phq9": 1}) == (RaisedAlert("item-9", Level.ALERT, "phq9", "Thoughts of self-harm"),)


@pytest.mark.parametrize("answers", [{}, {"phq9": None}, {"phq1": 3, "phq9": None}])
def test_item_9_unanswered_is_a_flag_and_never_a_zero(answers: dict[str, int | None]) -> None:
    assert alerts_of(PHQ9, answers) == (
        RaisedAlert("item-9-not-answered", Level.FLAG, "phq9", "Thoughts of self-harm"),
    )


def test_item_9_answered_with_not_at_all_raises_nothing() -> None:
    assert alerts_of(PHQ9, {item.id: 3 for item in PHQ9.items} | {"phq9": 0}) == ()


def test_instruments_without_a_rule_raise_nothing() -> None:
    assert all(alerts_of(other, {}) == () for other in LIBRARY.instruments() if other.id != "phq-9")
