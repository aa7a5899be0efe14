"""A second scorer, written another way, to hold the first one against.

From the raw files (plain YAML) and the written rules, importing nothing of prom_server: exact fractions where that uses
decimals, loops over plain products of probabilities where that uses arrays of logarithms, and another form of Fisher
information. Slow, and meant to be read beside docs/scoring.md.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.support.graded_response import GRID, PRIOR, chance, information, theta_and_error

INSTRUMENTS = Path(__file__).parents[2] / "instruments"

Answers = dict[str, int | None]
Way = tuple[tuple[str, int | None], ...]  # what was asked, in order, with the value of the option; None: skipped


class Found(NamedTuple):
    status: str
    reason: str | None
    raw: int | None
    value: Fraction | None
    se: Fraction | None
    answered: int
    items: int
    band: str | None


class Rule(NamedTuple):
    """What a rule alone says."""

    status: str
    reason: str | None = None
    value: Fraction | None = None
    se: Fraction | None = None


def missing(reason: str) -> Rule:
    return Rule("not_scorable", reason)


class Form:
    """One instrument file, as it stands there."""

    def __init__(self, path: Path) -> None:
        self.file = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.id, self.revision = self.file["instrument"], self.file["revision"]
        self.items = {item["id"]: (section, item) for section in self.file["sections"] for item in section["items"]}
        self.scored = [id_ for id_, (_, item) in self.items.items() if item.get("scored", True)]
        self.scales = self.file["scales"]
        self.alarming = {alert["item"] for alert in self.file.get("alerts", [])}
        self.adaptive = next((scale["rule"] for scale in self.scales if scale["rule"]["kind"] == "adaptive"), None)
        self.curves: dict[str, dict[int, list[float]]] = {}  # item -> points -> P over the grid
        self.information: dict[str, list[float]] = {}
        self.next_items: dict[Way, str] = {}  # found once for each way
        if "parameters" in self.file:
            self._read_bank(**self.file["parameters"])

    def _read_bank(self, bank: str, revision: int, **_: str) -> None:
        text = (INSTRUMENTS / "banks" / f"{bank}.v{revision}.yaml").read_text(encoding="utf-8")
        for id_, of in yaml.safe_load(text)["items"].items():
            if id_ in self.items:
                lowest = min(self.points(id_, value) for value in self.values(id_))
                curves = [[chance(of["a"], of["b"], k, theta) for theta in GRID] for k in range(len(of["b"]) + 1)]
                self.curves[id_] = dict(enumerate(curves, lowest))
                self.information[id_] = [information(of["a"], of["b"], theta) for theta in GRID]

    def values(self, item: str) -> list[int]:
        section, own = self.items[item]
        return [option["value"] for option in self.file["options"][own.get("options", section.get("options"))]]

    def points(self, item: str, value: int) -> int:
        recode = self.items[item][1].get("recode", {})
        points: int = recode.get(value, value)
        return points


def forms() -> list[Form]:
    """Every revision of every shipped instrument."""
    others = {"banks", "opioid-factors", "protocols"}
    folders = sorted(path for path in INSTRUMENTS.iterdir() if path.is_dir() and path.name not in others)
    return [Form(path) for folder in folders for path in sorted(folder.glob("*.yaml"))]


# ---- The rules of a scale


def score(form: Form, answers: Answers) -> dict[str, Found]:
    """By scale. A composite stands below its parts in the file."""
    found: dict[str, Found] = {}
    for scale in form.scales:
        rule = scale["rule"]
        items = beneath(form, scale)
        given = {item: form.points(item, value) for item in items if (value := answers.get(item)) is not None}
        says = RULES[rule["kind"]](form, rule, items, given, found)
        adaptive = rule["kind"] == "adaptive"
        found[scale["id"]] = Found(
            status=says.status,
            reason=says.reason,
            raw=None if adaptive or rule["kind"] == "composite" else sum(given.values()),
            value=says.value,
            se=says.se,
            answered=len(given),
            items=len(answers) if adaptive else len(items),
            band=band(scale, says.value),
        )
    return found


def beneath(form: Form, scale: Mapping[str, Any]) -> list[str]:
    if scale["rule"]["kind"] != "composite":
        return list(scale["items"])
    parts = {part["scale"] for term in scale["rule"]["terms"] for part in term["mean_of"]}
    return list(dict.fromkeys(item for other in form.scales if other["id"] in parts for item in beneath(form, other)))


def sum_rule(form: Form, rule: Any, items: list[str], given: dict[str, int], _: object) -> Rule:
    absent = set(items) - set(given)
    if not absent:
        return Rule("scored", value=Fraction(sum(given.values())))
    if len(absent) > rule["max_missing"] or not given:
        return missing("items-missing")
    # half up in whole numbers: (2 x sum x items + answered) // (2 x answered)
    value = (2 * sum(given.values()) * len(items) + len(given)) // (2 * len(given))
    return Rule("prorated", "key-item-missing" if absent & form.alarming else "prorated", Fraction(value))


def mean_rule(_form: Form, _rule: Any, items: list[str], given: dict[str, int], _: object) -> Rule:
    if len(given) < len(items):
        return missing("items-missing")
    return Rule("scored", value=tenths(Fraction(sum(given.values()), len(items))))


def table_rule(form: Form, rule: Any, items: list[str], given: dict[str, int], _: object) -> Rule:
    if rule.get("supplied"):
        return missing("table-missing")
    if len(given) == len(items):
        t, se = rule["rows"][sum(given.values())]
        return Rule("scored", None, written(t), None if se is None else written(se))
    if "pattern" in rule and len(given) >= rule["pattern"]["least"]:
        return by_pattern(form, given, "pattern")
    return missing("items-missing")


def adaptive_rule(form: Form, rule: Any, _items: list[str], given: dict[str, int], _: object) -> Rule:
    if len(given) < rule["least"]:
        return missing("items-missing")
    _, error = theta_and_error(posterior(form, given))
    return by_pattern(form, given, "scored" if error < rule["se_below"] or len(given) == rule["most"] else "pattern")


def rating_rule(_form: Form, _rule: Any, _items: list[str], given: dict[str, int], _: object) -> Rule:
    return Rule("scored", value=Fraction(*given.values())) if given else missing("items-missing")


def composite_rule(_form: Form, rule: Any, _items: list[str], _given: object, found: dict[str, Found]) -> Rule:
    total = Fraction(0)
    for term in rule["terms"]:
        for part in term["mean_of"]:
            if (value := found[part["scale"]].value) is None:
                return missing("scale-missing")
            z = (value - written(part["mean"])) / written(part["sd"])
            total += written(term["weight"]) * z / len(term["mean_of"])
    return Rule("scored", value=tenths(50 + 10 * total))


RULES: dict[str, Callable[[Form, Any, list[str], dict[str, int], dict[str, Found]], Rule]] = {
    "sum": sum_rule,
    "mean": mean_rule,
    "table": table_rule,
    "adaptive": adaptive_rule,
    "rating": rating_rule,
    "composite": composite_rule,
}


def posterior(form: Form, points: Mapping[str, int]) -> list[float]:
    weights = PRIOR
    for item, value in points.items():
        weights = list(map(mul, weights, form.curves[item][value]))
    return weights


def by_pattern(form: Form, given: dict[str, int], status: str) -> Rule:
    theta, error = theta_and_error(posterior(form, given))
    t, se = tenths(Fraction(50 + 10 * theta)), tenths(Fraction(10 * error))
    return Rule(status, "pattern" if status == "pattern" else None, t, se)


def band(scale: Mapping[str, Any], value: Fraction | None) -> str | None:
    if value is None or "bands" not in scale:
        return None
    rows = scale["bands"]["rows"]
    return next((row["label"] for row in rows if written(row["from"]) <= value <= written(row["to"])), None)


def written(number: float) -> Fraction:
    """The decimal number as it is written in the file."""
    return Fraction(str(number))


def tenths(value: Fraction) -> Fraction:
    """Half up."""
    return Fraction((20 * value.numerator + value.denominator) // (2 * value.denominator), 10)


# ---- The path of an adaptive test


def next_item(form: Form, path: Way) -> str | None:
    """What the rule asks after this; None once it has ended."""
    rule = form.adaptive or {}
    given = {item: form.points(item, value) for item, value in path if value is not None}
    asked = {item for item, _ in path}
    weights = posterior(form, given)
    precise = len(given) >= rule["least"] and theta_and_error(weights)[1] < rule["se_below"]
    if precise or len(given) == rule["most"] or len(path) - len(given) == rule["most_skipped"]:
        return None
    if path not in form.next_items and len(asked) < len(form.scored):
        left = (item for item in form.scored if item not in asked)
        form.next_items[path] = max(left, key=lambda item: sum(map(mul, weights, form.information[item])))
    return form.next_items.get(path)
