"""Files of many answers, and what a Python of its own needs for them."""

import json
import random
import resource
import subprocess
import sys
from pathlib import Path

from prom_server.core.instrument import Instrument


def phq9(file: Path, lines: int) -> None:
    """Random answers, one in 25 missing: about a third of the records are incomplete."""
    chance = random.Random(7)
    with file.open("w", encoding="ascii") as out:
        for number in range(lines):
            answers = {f"phq{n}": None if chance.random() < 0.04 else chance.randrange(4) for n in range(1, 10)}
            out.write(json.dumps({"id": f"p-{number}", "answers": answers}) + "\n")


def depression_8a(file: Path, instrument: Instrument, lines: int) -> None:
    """A form of eight items with one to three of them missing: every record is scored by its pattern."""
    chance, items = random.Random(8), instrument.items
    with file.open("w", encoding="ascii") as out:
        for number in range(lines):
            missing = set(chance.sample(range(8), chance.randint(1, 3)))
            answers = {item.id: None if n in missing else chance.randint(1, 5) for n, item in enumerate(items)}
            out.write(json.dumps({"id": f"p-{number}", "answers": answers}) + "\n")


def child_seconds(*arguments: str) -> float:
    """CPU seconds of a Python of its own, its start included."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    began = used()
    subprocess.run([sys.executable, *arguments], check=True)
    return used() - began


PARSE = "import json, sys\nfor line in open(sys.argv[1], encoding='utf-8'): json.loads(line)"
SCORE = "from prom_server.cli import main; main()"


def parsed_seconds(file: Path) -> float:
    return child_seconds("-c", PARSE, str(file))


def scored_seconds(instrument: str, file: Path) -> float:
    return child_seconds("-c", SCORE, "score", instrument, str(file), "--output", str(file.with_suffix(".scores")))
