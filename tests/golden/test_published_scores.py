"""Published tables and hand-worked vectors, all through `prom-server score`.

`promis_tables.json` holds the tables as published, or as recomputed elsewhere where an instrument's file says so;
`vectors.json` answers with what they must give. Neither was made by this program.
"""

import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prom_server.cli.score import score as command
from prom_server.definitions.library import Library

HERE = Path(__file__).parent
TABLES: dict[str, Any] = json.loads((HERE / "promis_tables.json").read_text(encoding="utf-8"))
SCALES = [(form, scale) for form, content in TABLES.items() for scale in content["scales"]]
VECTORS: list[dict[str, Any]] = json.loads((HERE / "vectors.json").read_text(encoding="utf-8"))["scores"]
LIBRARY = Library.shipped()
BANDS = ("excellent", "very good", "good", "fair", "poor")
IN_PROMIS_29 = [
    form for form, scale in SCALES if form.endswith("-4a") and scale in LIBRARY.get("promis-29").scale_by_id
]
Answers = dict[str, int | None]


def scored(instrument: str, *answers: Answers) -> list[dict[str, Any]]:
    lines = "\n".join(json.dumps({"id": n, "answers": of}) for n, of in enumerate(answers))
    result = CliRunner().invoke(command, [instrument], input=lines)
    return [json.loads(line) for line in result.stdout.splitlines()]


def found(record: dict[str, Any], scale: str) -> dict[str, Any]:
    [score] = [score for score in record["scores"] if score["scale"] == scale]
    return dict(score)


def with_sum(form: str, scale: str, raw: int) -> Answers:
    """Some answers whose points add up to `raw`; what the scale does not count is not answered."""
    items = TABLES[form]["scales"][scale]["items"]
    points = dict.fromkeys(items, 1)
    for item in itertools.islice(itertools.cycle(items), raw - len(items)):
        points[item] += 1
    assert sum(points.values()) == raw
    option = {item: {of: int(value) for value, of in codes.items()} for item, codes in recodes(form).items()}
    answers: Answers = dict.fromkeys(item.id for item in LIBRARY.get(form).scored_items)
    return {**answers, **{item: option.get(item, {}).get(of, of) for item, of in points.items()}}


def recodes(form: str) -> dict[str, dict[str, int]]:
    return dict(TABLES[form].get("recode", {}))


def cells(form: str, scale: str) -> list[tuple[int, float, float | None]]:
    return [(int(raw), t, se) for raw, (t, se) in TABLES[form]["scales"][scale]["table"].items()]


def band(form: str, scale: str, t: float) -> str | None:
    kind = TABLES[form]["scales"][scale]["bands"]
    if kind is None:
        return None
    if kind != "severity":  # the lowest T-score of each band but the last
        return BANDS[sum(t < lowest for lowest in kind)]
    severe = 100 - t if TABLES[form]["higher_is"] == "better" else t
    normal_or_mild = "within normal limits" if severe <= 55 else "mild"
    return normal_or_mild if severe <= 60 else "moderate" if severe <= 70 else "severe"


@pytest.mark.parametrize(("form", "scale"), SCALES)
def test_every_cell_of_a_published_table(form: str, scale: str) -> None:
    records = scored(form, *(with_sum(form, scale, raw) for raw, _, _ in cells(form, scale)))
    for (raw, t, se), record in zip(cells(form, scale), records, strict=True):
        score = found(record, scale)
        assert (score["raw"], score["value"], score["se"], score["status"]) == (raw, t, se, "scored")
        assert score["band"] == band(form, scale, t)


@pytest.mark.parametrize("form", IN_PROMIS_29)
def test_promis_29_holds_the_same_tables(form: str) -> None:
    rest = {item.id: item.options[0].value for item in LIBRARY.get("promis-29").items}
    [scale] = TABLES[form]["scales"]
    records = scored("promis-29", *({**rest, **with_sum(form, scale, raw)} for raw, _, _ in cells(form, scale)))
    for (raw, t, se), record in zip(cells(form, scale), records, strict=True):
        score = found(record, scale)
        assert (score["raw"], score["value"], score["se"]) == (raw, t, se)
        assert score["band"] == band(form, scale, t)


def test_the_number_of_cells() -> None:
    assert sum(len(cells(form, scale)) for form, scale in SCALES) == 493
    assert sum(se is None for form, scale in SCALES for _, _, se in cells(form, scale)) == 33 + 21 + 17


def test_every_promis_form_has_its_table_here() -> None:
    shipped = {of.id for of in LIBRARY.instruments() if of.licence.family == "promis" and of.adaptive is None}
    assert shipped == set(TABLES) | {"promis-29", "promis-self-efficacy-symptoms-4a"}


@pytest.mark.parametrize(("item", "code"), recodes("promis-global-health").items())
def test_a_recoded_item_counts_its_points(item: str, code: dict[str, int]) -> None:
    answers = with_sum("promis-global-health", "gph", 8)
    records = scored("promis-global-health", *({**answers, item: int(value)} for value in code))
    assert [found(record, "gph")["raw"] for record in records] == [6 + points for points in code.values()]


def test_without_the_clinics_own_table_there_is_no_score() -> None:
    items = [item.id for item in LIBRARY.get("promis-self-efficacy-symptoms-4a").items]
    [record] = scored("promis-self-efficacy-symptoms-4a", dict.fromkeys(items, 4))
    score = found(record, "self-efficacy-symptoms")
    assert (score["status"], score["reason"], score["raw"], score["value"]) == (
        "not_scorable",
        "table-missing",
        16,
        None,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['instrument']}: {vector['name']}")
def test_vectors(vector: dict[str, Any]) -> None:
    expect = vector["expect"]
    [record] = scored(vector["instrument"], vector["answers"])
    if expect.get("error"):
        assert "error" in record
        return
    scores = {of["scale"]: of for of in record["scores"]}
    for scale in ("total", "rumination", "magnification", "helplessness"):
        if scale in expect:
            assert scores[scale]["value"] == expect[scale]
            assert (scores[scale]["status"] == "not_scorable") is (expect[scale] is None)
    total = scores["total"]
    assert total["band"] == expected_band(expect)
    assert total["raw"] == expect.get("raw", total["raw"])
    assert total["items"] - total["answered"] == expect.get("n_missing", 0)
    assert record["screening"] == {rule: expect[rule] for rule in ("major", "other") if rule in expect}
    flags = {"alert": ["item-9"], "not_answered": ["item-9-not-answered"]}
    assert [alert["rule"] for alert in record["alerts"]] == flags.get(expect.get("item9", ""), [])


@pytest.mark.parametrize(("instrument", "cutoff"), [("phq-8", 10), ("phq-2", 3), ("gad-2", 3)])
def test_a_cutoff_is_the_published_one(instrument: str, cutoff: int) -> None:
    found_ = LIBRARY.get(instrument).scale_by_id["total"].cutoff
    assert found_ is not None
    assert found_.value == cutoff
    for vector in VECTORS:
        if vector["instrument"] == instrument:
            assert (Decimal(vector["expect"]["total"]) >= found_.value) is vector["expect"]["positive"]


def expected_band(expect: dict[str, Any]) -> str | None:
    if "high" not in expect:
        band_: str | None = expect["band"]
        return band_
    return {True: "clinically relevant", False: "below the cut-off", None: None}[expect["high"]]
