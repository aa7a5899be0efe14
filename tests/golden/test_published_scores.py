"""Published tables and hand-worked vectors, all through `prom-server score`.

`promis_tables.json` holds the tables as published; `vectors.json` answers with what they must give. Neither was made by
this program.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prom_server.cli import instruments as commands
from prom_server.definitions.library import Library

HERE = Path(__file__).parent
TABLES: dict[str, Any] = json.loads((HERE / "promis_tables.json").read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = json.loads((HERE / "vectors.json").read_text(encoding="utf-8"))["scores"]
LIBRARY = Library.shipped()


def scored(instrument: str, *answers: dict[str, int | None]) -> list[dict[str, Any]]:
    lines = "\n".join(json.dumps({"id": n, "answers": of}) for n, of in enumerate(answers))
    result = CliRunner().invoke(commands.score, [instrument], input=lines)
    return [json.loads(line) for line in result.stdout.splitlines()]


def with_sum(form: dict[str, Any], raw: int) -> dict[str, int | None]:
    """Some answers that add up to `raw`."""
    answers: dict[str, int | None] = {item["id"]: 1 for item in form["items"]}
    for item in itertools.islice(itertools.cycle(answers), 10**6):
        if sum(value or 0 for value in answers.values()) == raw:
            return answers
        if (value := answers[item] or 0) < 5:
            answers[item] = value + 1
    raise AssertionError(raw)


def cells(form: dict[str, Any]) -> list[tuple[int, float, float]]:
    return [(int(raw), t, se) for raw, (t, se) in form["table"].items()]


def band(form: dict[str, Any], t: float) -> str:
    severe = 100 - t if form["higher_is"] == "better" else t
    normal_or_mild = "within normal limits" if severe <= 55 else "mild"
    return normal_or_mild if severe <= 60 else "moderate" if severe <= 70 else "severe"


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_of_a_published_table(name: str) -> None:
    form = TABLES[name]
    records = scored(name, *(with_sum(form, raw) for raw, _, _ in cells(form)))
    for (raw, t, se), record in zip(cells(form), records, strict=True):
        [found] = record["scores"]
        assert (found["raw"], found["value"], found["se"], found["status"]) == (raw, t, se, "scored")
        assert found["band"] == band(form, t)


@pytest.mark.parametrize("name", [name for name in TABLES if name.endswith("-4a")])
def test_promis_29_holds_the_same_tables(name: str) -> None:
    form, rest = TABLES[name], {item.id: item.options[0].value for item in LIBRARY.get("promis-29").items}
    scale = name.removeprefix("promis-").removesuffix("-4a")
    records = scored("promis-29", *({**rest, **with_sum(form, raw)} for raw, _, _ in cells(form)))
    for (raw, t, se), record in zip(cells(form), records, strict=True):
        found = next(of for of in record["scores"] if of["scale"] == scale)
        assert (found["raw"], found["value"], found["se"], found["band"]) == (raw, t, se, band(form, t))


def test_the_number_of_cells() -> None:
    assert sum(len(form["table"]) for form in TABLES.values()) == 7 * 17 + 33


@pytest.mark.parametrize("name", TABLES)
def test_wording_order_and_values_are_the_publishers(name: str) -> None:
    published = TABLES[name]["items"]
    shipped = [
        {
            "id": item.id,
            "text": item.text,
            "context": item.context,
            "options": [[option.value, option.label] for option in item.options],
        }
        for item in LIBRARY.get(name).items
    ]
    assert shipped == published
    if name.endswith("-4a"):
        ids = {item["id"] for item in published}
        inside = [item for item in LIBRARY.get("promis-29").items if item.id in ids]
        assert [(item.id, item.text, item.context, len(item.options)) for item in inside] == [
            (item["id"], item["text"], item["context"], 5) for item in published
        ]


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


def expected_band(expect: dict[str, Any]) -> str | None:
    if "high" not in expect:
        band_: str | None = expect["band"]
        return band_
    return {True: "clinically relevant", False: "below the cut-off", None: None}[expect["high"]]
