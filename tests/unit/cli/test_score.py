"""The command `score`, from the outside."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from prom_server.cli.records import MAX_LINE
from prom_server.cli.score import score
from prom_server.definitions.library import Library
from tests.unit.definitions.clinic_supplements import pcs, self_efficacy, written

GAD7 = [f"gad{n}" for n in range(1, 8)]
PHQ9 = [f"phq{n}" for n in range(1, 10)]


def run(instrument: str, content: str | bytes, *options: str, expect: int = 0) -> list[dict[str, object]]:
    result = invoke([*options, instrument], content)
    assert result.exit_code == expect, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def invoke(arguments: list[str], content: str | bytes = "") -> Result:
    result = CliRunner().invoke(score, arguments, input=content)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def line(id_: object = "a", answers: object = None) -> str:
    return json.dumps({"id": id_, "answers": dict.fromkeys(GAD7, 1) if answers is None else answers})


def test_the_keys_and_their_order() -> None:
    answers = dict.fromkeys(PHQ9, 0) | {"phq9": 2, "phq3": None}
    out = invoke(["phq-9"], json.dumps({"id": "p-1", "answers": answers}) + "\n").stdout
    assert out == (
        '{"id": "p-1", "instrument": "phq-9", "revision": 1, "scores": [{"scale": "total", "status": "prorated", '
        '"raw": 2, "value": 2, "metric": "sum", "se": null, "answered": 8, "items": 9, "band": "minimal or none", '
        '"reason": "prorated"}], "alerts": [{"rule": "item-9", "level": "alert"}], '
        '"screening": {"major": false, "other": false}}\n'
    )


def test_an_unanswered_item_9_is_a_flag_and_the_screening_says_indeterminate() -> None:
    [found] = run("phq-9", json.dumps({"id": 7, "answers": dict.fromkeys(PHQ9)}))
    assert found["alerts"] == [{"rule": "item-9-not-answered", "level": "flag"}]
    assert found["screening"] == {"major": "indeterminate", "other": "indeterminate"}
    assert found["id"] == 7


def test_a_t_score_has_one_decimal_and_a_sum_none() -> None:
    form = json.dumps({"id": "a", "answers": dict.fromkeys(["HI7", "AN3", "FATEXP41", "FATEXP40"], 5)})
    assert '"value": 75.8, "metric": "T", "se": 3.9,' in invoke(["promis-fatigue-4a"], form).stdout
    social = dict.fromkeys([f"SRPPER{n}_CaPS" for n in (11, 18, 23)], 4) | {"SRPPER46_CaPS": 3}
    form = json.dumps({"id": "a", "answers": social})
    assert '"value": 50.0, "metric": "T", "se": 2.2,' in invoke(["promis-ability-participate-4a"], form).stdout


def test_a_bad_record_is_an_error_line_and_the_rest_goes_on() -> None:
    content = "\n".join([line("a"), "", line("b", {**dict.fromkeys(GAD7, 1), "gad1": 9}), line("c")])
    found = run("gad-7", content, expect=1)
    assert [record["id"] for record in found] == ["a", "b", "c"]
    assert list(found[1]) == ["line", "id", "error"]
    assert found[1]["line"] == 3
    assert "gad1" in str(found[1]["error"])
    assert "scores" in found[2]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not an object"),
        ("3", "is not an object"),
        ("null", "is not an object"),
        ('"text"', "is not an object"),
        ('{"id": "a"}', "answers is missing"),
        ('{"id": "a", "answers": []}', "answers is missing"),
        ('{"answers": {}}', "id is missing"),
        ('{"id": null, "answers": {}}', "id is missing"),
        ('{"id": true, "answers": {}}', "id is missing"),
        ('{"id": "a", "answers": {}, "more": 1}', "there is no key more"),
        ('{"id": "a", "id": "b", "answers": {}}', "id is there twice"),
        ('{"id": "a", "answers": {"gad1": 1, "gad1": 2}}', "gad1 is there twice"),
        ('{"id": "a", "answers": {"gad1": NaN}}', "NaN is not JSON"),
        ('{"id": "a", "answers": {"gad1": -Infinity}}', "-Infinity is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"id": "a", "answers": ' + "9" * 10_000 + "}", "is not JSON"),
        ('{"id": "a", "answers": {}}', "gad1 is missing"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad8": 1}), "no item gad8"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad7": True}), "gad7: True is not a whole number"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad7": 1.0}), "gad7: 1.0 is not a whole number"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad7": "1"}), "gad7: 1 is not a whole number"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad7": 4}), "gad7: 4 is none of its options"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad7": 10**4000}), "gad7: a very large number"),
        (line(answers=dict.fromkeys(GAD7, 1) | {"gad7": [1]}), "gad7: [1] is not a whole number"),
        ("x" * (2 * MAX_LINE + 5), "is longer than"),
    ],
    ids=str,
)
def test_what_is_no_record(record: str, message: str) -> None:
    found = run("gad-7", f"{record}\n{line('after')}\n", expect=1)
    assert found[0]["line"] == 1
    assert message in str(found[0]["error"])
    assert len(str(found[0]["error"])) < 300
    assert (found[1]["id"], len(found)) == ("after", 2)


def test_bytes_that_are_no_text() -> None:
    found = run("gad-7", b'{"id": "\xff"}\n' + line().encode(), expect=1)
    assert found[0] == {"line": 1, "id": None, "error": "is not UTF-8"}
    assert "scores" in found[1]


def test_a_byte_order_mark_and_windows_lines() -> None:
    content = b"\xef\xbb\xbf" + f"{line('a')}\r\n\r\n{line('b')}\r\n".encode()
    assert [record["id"] for record in run("gad-7", content)] == ["a", "b"]


def test_a_lone_surrogate_comes_back_as_it_was() -> None:
    [found] = run("gad-7", '{"id": "\\ud800", "answers": {}}', expect=1)
    assert found["id"] == "\ud800"


def test_nothing_in_nothing_out() -> None:
    assert run("gad-7", "") == []
    assert run("gad-7", "\n \n") == []


def test_csv_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "answers.CSV"
    file.write_text(f"id,{','.join(GAD7)}\np1,1,1,1,1,1,0,0\np2,2,2,2,1,1,1,\n", encoding="utf-8-sig")
    result = invoke(["gad-7", str(file)])
    scores = [json.loads(record)["scores"][0] for record in result.stdout.splitlines()]
    assert [(of["value"], of["status"]) for of in scores] == [(5, "scored"), (11, "prorated")]


def test_csv_by_its_option_with_columns_in_any_order() -> None:
    content = f"{','.join(reversed(GAD7))},id\n1,1,1,1,1,1,1,p1\n"
    assert run("gad-7", content, "--format", "csv")[0]["id"] == "p1"


@pytest.mark.parametrize(
    ("row", "id_", "message"),
    [
        ("p,1,1,1,1,1,1", "p", "has 7 cells under 8 headings"),
        ("p,1,1,1,1,1,1,1,1", "p", "has 9 cells under 8 headings"),
        ("p,1,1,1,1,1,1,x", "p", "gad7: x is not a whole number"),
        ("p,1,1,1,1,1,1, 1", "p", "gad7:  1 is not a whole number"),
        ("p,1,1,1,1,1,1,1.0", "p", "gad7: 1.0 is not a whole number"),
        ("p,1,1,1,1,1,1,True", "p", "gad7: True is not"),
        ("p,1,1,1,1,1,1,٣", "p", "is not a whole number"),
        ("p,1,1,1,1,1,1,7", "p", "none of its options"),
        (",1,1,1,1,1,1,1", None, "id is empty"),
        ('p,"1,1,1,1,1,1,1', None, "is not CSV"),
        ('"' + "p" * 200_000 + '",1,1,1,1,1,1,1', None, "is not CSV"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_row_spoils_only_itself(row: str, id_: str | None, message: str) -> None:
    content = f"id,{','.join(GAD7)}\n{row}\nafter,1,1,1,1,1,1,1\n"
    found = run("gad-7", content, "--format", "csv", expect=1)
    assert (found[0]["line"], found[0]["id"]) == (2, id_)
    assert message in str(found[0]["error"])
    assert found[1]["id"] == "after"


@pytest.mark.parametrize(
    ("heading", "message"),
    [("p,gad1", "no column id"), ("id,gad1,gad1", "a column twice"), ("", "there is no heading")],
)
def test_a_bad_heading_ends_it(heading: str, message: str) -> None:
    [found] = run("gad-7", f"{heading}\n", "--format", "csv", expect=1)
    assert message in str(found["error"])


def test_a_column_that_is_missing_or_unknown_is_an_error_of_every_record() -> None:
    missing = run("gad-7", "id,gad1\np1,1\np2,1\n", "--format", "csv", expect=1)
    assert [record["error"] for record in missing] == [missing[0]["error"]] * 2
    unknown = run("gad-7", f"id,name,{','.join(GAD7)}\np1,,1,1,1,1,1,1,1\n", "--format", "csv", expect=1)
    assert "no item name" in str(unknown[0]["error"])


def test_an_unknown_instrument_or_file_is_a_clear_message() -> None:
    unknown = invoke(["sf-36"])
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "there is no instrument sf-36" in unknown.stderr
    assert "phq-9" in unknown.stderr
    assert invoke(["gad-7", "--revision", "9"]).exit_code == 2
    assert invoke(["gad-7", "/nowhere/answers.jsonl"]).exit_code == 2


# ---- Adaptive instruments, patterns, supplements


def test_of_an_adaptive_instrument_only_what_was_asked() -> None:
    asked = {"EDDEP29": 3, "EDDEP41": None, "EDDEP04": 3, "EDDEP06": 3, "EDDEP36": 3}
    [found] = run("promis-depression-cat", json.dumps({"id": "a", "answers": asked}))
    [as_csv] = run(
        "promis-depression-cat", "id,EDDEP29,EDDEP04,EDDEP06,EDDEP36,EDDEP41\na,3,3,3,3,\n", "--format", "csv"
    )
    of, of_csv = (each["scores"][0] for each in (found, as_csv))
    assert (of["status"], of["answered"], of["items"]) == ("scored", 4, 5)
    assert (of_csv["value"], of_csv["se"]) == (of["value"], of["se"])
    assert (of_csv["answered"], of_csv["items"]) == (4, 4)


def test_a_form_with_answers_missing_is_scored_by_its_pattern() -> None:
    items = [item.id for item in Library.shipped().get("promis-depression-8a").items]
    [found] = run("promis-depression-8a", line(answers=dict.fromkeys(items, 3) | {items[0]: None}))
    assert found["scores"][0]["status"] == "pattern"


def test_a_wrong_supplement_stops_its_own_instrument_only(tmp_path: Path) -> None:
    written(tmp_path, "pcs.yaml", pcs(12))
    assert run("gad-7", line(), "--supplements", str(tmp_path))[0]["id"] == "a"
    refused = invoke(["pcs", "--supplements", str(tmp_path)])
    assert (refused.exit_code, "pcs.yaml:6: items: pcs13: still without wording" in refused.stderr) == (1, True)


def test_a_supplement_brings_its_table(tmp_path: Path) -> None:
    self_efficacy(tmp_path)
    name = "promis-self-efficacy-symptoms-4a"
    answers = line(answers=dict.fromkeys([f"SEMSX{n}" for n in ("009", "010", "011", "014")], 1))
    [without] = run(name, answers)
    [found] = run(name, answers, "--supplements", str(tmp_path))
    assert without["scores"][0]["reason"] == "table-missing"
    assert found["scores"][0]["status"] == "scored"
    assert found["scores"][0]["value"] is not None
