"""The command `score` on files and streams: compressed, CSV out, damaged, long."""

import csv
import gzip
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.test_score import GAD7, PHQ9, invoke, line

COMMAND = (sys.executable, "-c", "from prom_server.cli import main; main()", "score")


def many(lines: int) -> str:
    return "".join(f"{line(number)}\n" for number in range(lines))


def test_compressed_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl.gz").write_bytes(gzip.compress(many(3).encode()))
    (tmp_path / "answers.CSV.GZ").write_bytes(gzip.compress(f"id,{','.join(GAD7)}\np,1,1,1,1,1,1,1\n".encode()))
    result = invoke(["gad-7", str(tmp_path / "answers.jsonl.gz"), "--output", str(tmp_path / "scores.jsonl.gz")])
    assert (result.exit_code, result.stdout) == (0, "")
    with gzip.open(tmp_path / "scores.jsonl.gz", "rt", encoding="utf-8") as scores:
        assert scores.read() == invoke(["gad-7"], many(3)).stdout
    assert json.loads(invoke(["gad-7", str(tmp_path / "answers.CSV.GZ")]).stdout)["id"] == "p"


def test_the_same_input_gives_the_same_compressed_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        invoke(["gad-7", "--output", str(tmp_path / name)], many(3))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("damage", ["cut off", "damaged"])
def test_a_damaged_file_keeps_what_was_scored(damage: str, tmp_path: Path) -> None:
    lines = many(20_000)
    content = gzip.compress(lines.encode())
    half = len(content) // 2
    content = content[:half] + (b"" if damage == "cut off" else b"\xff" * 100 + content[half + 100 :])
    (tmp_path / "a.gz").write_bytes(content)
    result = invoke(["gad-7", str(tmp_path / "a.gz"), "--output", str(tmp_path / "scores.jsonl")])
    *scored, last = [json.loads(each) for each in (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()]
    whole = next((place for place, each in enumerate(scored) if "error" in each), len(scored))  # garbled after it
    assert result.exit_code == 1
    assert [each["id"] for each in scored[:whole]] == list(range(whole))
    assert whole > 5_000
    assert (last["line"] > whole, last["id"]) == (True, None)
    assert "the compressed file is damaged or cut off: " in last["error"]
    assert result.stderr == f"Error: line {last['line']}: {last['error']}\n"


def test_a_file_that_is_not_gzip_but_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_text(many(1), encoding="utf-8")
    result = invoke(["gad-7", str(tmp_path / "a.jsonl.gz")])
    assert result.exit_code == 1
    assert "line 1: the compressed file is damaged or cut off: Not a gzipped file" in result.stderr


def test_csv_out(tmp_path: Path) -> None:
    records = [
        {"id": "=1+1", "answers": dict.fromkeys(PHQ9, 1)},
        {"id": "-7", "answers": dict.fromkeys(PHQ9, 1) | {"phq9": None}},
        {"id": -7, "answers": dict.fromkeys(PHQ9)},
        {"id": "@b", "answers": {}},
        {"id": "\ud800", "answers": dict.fromkeys(PHQ9, 0)},
    ]
    out = tmp_path / "scores.csv"
    assert invoke(["phq-9", "--output", str(out)], "\n".join(map(json.dumps, records))).exit_code == 1
    heading, *rows = csv.reader(io.StringIO(out.read_text("utf-8"), newline=""))
    assert ",".join(heading) == "id,instrument,revision,scale,status,reason,raw,value,se,answered,items,band"
    assert rows == [
        ["'=1+1", "phq-9", "1", "total", "scored", "", "9", "9", "", "9", "9", "mild"],
        ["'-7", "phq-9", "1", "total", "prorated", "key-item-missing", "8", "9", "", "8", "9", "mild"],
        ["-7", "phq-9", "1", "total", "not_scorable", "items-missing", "0", "", "", "0", "9", ""],
        ["'@b", "phq-9", "1", "", "error", rows[3][5], "", "", "", "", "", ""],
        ["\\ud800", "phq-9", "1", "total", "scored", "", "0", "0", "", "9", "9", "minimal or none"],
    ]
    assert rows[3][5].startswith("line 4: phq1 is missing")


def test_csv_out_has_a_row_for_each_scale_and_tenths_as_published(tmp_path: Path) -> None:
    social = dict.fromkeys([f"SRPPER{n}_CaPS" for n in (11, 18, 23)], 4) | {"SRPPER46_CaPS": 3}
    out = tmp_path / "scores.csv.gz"
    invoke(["promis-ability-participate-4a", "--output", str(out)], json.dumps({"id": "a", "answers": social}))
    with gzip.open(out, "rt", encoding="utf-8", newline="") as text:
        [row] = csv.DictReader(text)
    assert (row["value"], row["se"], row["raw"]) == ("50.0", "2.2", "15")
    records = json.dumps({"id": "a", "answers": dict.fromkeys([f"pcs{n}" for n in range(1, 14)], 1)})
    invoke(["pcs", "--output", str(tmp_path / "pcs.csv")], records)
    rows = csv.DictReader(io.StringIO((tmp_path / "pcs.csv").read_text("utf-8"), newline=""))
    assert [row["scale"] for row in rows] == ["total", "rumination", "magnification", "helplessness"]


def test_what_is_read_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(many(1), encoding="utf-8")
    result = invoke(["gad-7", str(file), "--output", str(file)])
    assert result.exit_code == 2
    assert "is what is read" in result.stderr
    assert file.read_text("utf-8") == many(1)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    result = invoke(["gad-7", "--output", str(tmp_path / "nowhere" / "scores.jsonl")], many(1))
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr


def test_a_full_disk_is_a_clear_message() -> None:
    result = invoke(["gad-7", "--output", "/dev/full"], many(1_000))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr


def test_an_unknown_instrument_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "scores.jsonl").write_text("before", encoding="utf-8")
    assert invoke(["sf-36", "--output", str(tmp_path / "scores.jsonl")]).exit_code == 2
    assert (tmp_path / "scores.jsonl").read_text("utf-8") == "before"


# ---- Streams


def peak(lines: int, folder: Path) -> int:
    """Kilobytes that scoring so many lines keeps in memory at most."""
    file = folder / f"{lines}.jsonl"
    file.write_text(many(lines), encoding="utf-8")
    program = (
        "from prom_server.cli import main\nmain(standalone_mode=False)\n"
        # of this program alone: getrusage would tell the size of the process that started it
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    arguments = [sys.executable, "-c", program, "score", "gad-7", str(file), "--output", str(folder / "scores.jsonl")]
    return int(subprocess.run(arguments, check=True, capture_output=True).stdout)


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    few, lots = peak(500, tmp_path), peak(40_000, tmp_path)
    assert lots - few < 3_000  # the file of many lines has 4,500, their scores 10,000


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen([*COMMAND, "gad-7"], stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, told = process.communicate(many(2_000))
    assert told == ""


def on_terminal(*arguments: str) -> str:
    """What a person sees, where errors go to a terminal and results do not."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:  # a bare chroot, some containers
        pytest.skip(f"no terminal can be opened here: {error}")
    subprocess.run([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=theirs, check=True)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # Linux says so at the end of a terminal
        pass
    os.close(ours)
    return seen.decode()


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.jsonl.gz"])
def test_a_bar_for_a_person(name: str, tmp_path: Path) -> None:
    content = many(2_500).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    seen = on_terminal("gad-7", str(tmp_path / name))
    assert "Scoring" in seen
    assert "100%" in seen


def test_no_bar_without_a_person(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text(many(2_500), encoding="utf-8")
    done = subprocess.run([*COMMAND, "gad-7", str(tmp_path / "answers.jsonl")], capture_output=True, check=True)
    assert done.stderr == b""
