"""Rules of alerts in definition files: what they load to, and each slip of the pen found at its line."""

from decimal import Decimal
from pathlib import Path

import pytest

from prom_server.core.alerts import least_severity
from prom_server.core.instrument import ScoreAlert
from prom_server.core.refusals import DefinitionError
from prom_server.core.worsening import ItemRises, Margin, Worsening
from prom_server.definitions.library import Library
from prom_server.definitions.loading import load_instrument, load_protocol
from prom_server.resources import directory

LIBRARY = Library.shipped()
FOLDER = directory("instruments")


def instrument(folder: Path, rule: str, raising: str = "nothing"):
    """The GAD-7 with a rule, and with the worked example that says what it raises."""
    text = (FOLDER / "gad/gad-7.v1.yaml").read_text()
    text = text.replace(f"name: {raising}\n", f"name: {raising}\n    alerts: [high]\n")
    path = folder / "gad-7.v1.yaml"
    path.write_text(text.replace("\ncheck:", f"\nalerts:\n  - {rule}\n\ncheck:", 1))
    return load_instrument(path, LIBRARY.bank)


def protocol(folder: Path, rules: str):
    text = (FOLDER / "protocols/five-day-free-instruments.v1.yaml").read_text()
    path = folder / "five-day-free-instruments.v1.yaml"
    path.write_text(text.replace("\ntime_points:", f"\nalerts: {rules}\ntime_points:", 1))
    return load_protocol(path, LIBRARY.find)


HEAD = "rule: high, topic: High score, source: made up"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("score: {scale: total, at_least: 15}", {"at_least": Decimal(15)}),
        ("band: {scale: total, at_least: severe}", {"band": "severe"}),
        ("band: {scale: total, at_least_severity: 3}", {"severity": 3}),
    ],
)
def test_a_rule_on_a_scale(tmp_path: Path, limit: str, expected: dict) -> None:
    """Of the worked examples the one with the sum 21 reaches it, and says so."""
    found = instrument(tmp_path, f"{{{HEAD}, {limit}}}", raising="sum 21")
    assert found.score_alerts == (ScoreAlert("high", "total", "High score", "made up", **expected),)


def test_the_worked_examples_say_what_they_raise(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="raises high, not none"):
        instrument(tmp_path, f"{{{HEAD}, band: {{scale: total, at_least: severe}}}}")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (f"{{{HEAD}}}", "needs one limit"),
        (f"{{{HEAD}, score: {{scale: total, at_least: 5, at_most: 9}}}}", "needs one limit"),
        (
            f"{{{HEAD}, score: {{scale: total, at_least: 5}}, band: {{scale: total, at_least: severe}}}}",
            "needs one limit",
        ),
        ("{rule: high, topic: High, score: {scale: total, at_least: 5}}", "source: is missing"),
        (f"{{{HEAD}, score: {{scale: sum, at_least: 5}}}}", "sum is not a scale of this file"),
        (f"{{{HEAD}, score: {{scale: total, at_least: 0}}}}", "every score would be an alert"),
        (f"{{{HEAD}, score: {{scale: total, at_least: 22}}}}", "no score could be an alert"),
        (f"{{{HEAD}, score: {{scale: total, at_most: 21}}}}", "every score would be an alert"),
        (f"{{{HEAD}, band: {{scale: total, at_least: gigantic}}}}", "has no such band"),
        (f"{{{HEAD}, band: {{scale: total, at_least_severity: 0}}}}", "every score would be an alert"),
        (f"{{{HEAD}, band: {{scale: total, at_least_severity: 5}}}}", "is not 0 to 4"),
        (f"{{{HEAD.replace('high', 'h' * 41)}, score: {{scale: total, at_least: 5}}}}", "longer than 40 letters"),
    ],
)
def test_slips_in_a_rule_on_a_scale(tmp_path: Path, rule: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        instrument(tmp_path, rule)


def test_the_rules_of_a_protocol(tmp_path: Path) -> None:
    rules = """
  - {worsening: {instrument: phq-9, scale: total, by: mcid}, source: made up}
  - {item_rises: {instrument: phq-9, item: phq9}, source: made up}
"""
    assert protocol(tmp_path, rules).alerts == (
        Worsening("phq-9", "total", Margin.MCID, "made up"),
        ItemRises("phq-9", "phq9", "made up"),
    )


WORSE = "worsening: {instrument: phq-9, scale: total, by: mcid}"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (f"{{{WORSE}}}", "source: is missing"),
        ("{source: x}", "needs either `worsening` or `item_rises`"),
        (f"{{{WORSE}, item_rises: {{instrument: phq-9, item: phq9}}, source: x}}", "needs either"),
        (f"{{{WORSE.replace('phq-9', 'pcs')}, source: x}}", "pcs is not in the battery"),
        (f"{{{WORSE.replace('total', 'sum')}, source: x}}", "sum is not a scale of phq-9"),
        (f"{{{WORSE.replace('mcid', 'reliable')}, source: x}}", "has no published number for this"),
        (f"{{{WORSE.replace('mcid', 'much')}, source: x}}", "by: "),
        ("{item_rises: {instrument: phq-9, item: phq10}, source: x}", "phq10 is not an item of phq-9"),
        (f"{{{WORSE}, source: x}}, {{{WORSE}, source: z}}", "is there twice"),
    ],
)
def test_slips_in_a_protocol_s_rule(tmp_path: Path, rule: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        protocol(tmp_path, f"[{rule}]")


def test_the_default_protocol_watches_for_worsening_and_its_first_revision_does_not() -> None:
    assert [rule.rule for rule in LIBRARY.protocol("ketamine-five-day").alerts] == ["mcid-total", "rises-phq9"]
    assert LIBRARY.protocol("ketamine-five-day", 1).alerts == ()


def test_a_band_is_found_by_its_label_whatever_its_place() -> None:
    scale = LIBRARY.get("gad-7").scale_by_id["total"]
    assert least_severity(ScoreAlert("x", "total", "x", "x", band="severe"), scale) == scale.bands[-1].severity
