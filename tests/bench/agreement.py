"""Random answers to every shipped instrument, scored by two programs that share no code: counts differences.

Run: bin/bench agreement [patterns per instrument]. Exits with 1 where any score differs.
"""

import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache

from prom_server.core.instrument import Instrument
from prom_server.definitions.library import Library
from tests.support.agreement import differences
from tests.support.independent import Form, forms
from tests.support.random_answers import many_answers

CHUNK = 5_000  # patterns of one instrument that one process takes at a time
SHOWN = 20  # differences printed at most

Task = tuple[str, int, int]  # the name of a form, the number of the chunk, its patterns
Pattern = tuple[tuple[str, int | None], ...]


@cache
def every() -> dict[str, tuple[Form, Instrument]]:
    library = Library.shipped()
    return {f"{form.id}.v{form.revision}": (form, library.get(form.id, form.revision)) for form in forms()}


def tasks(patterns: int) -> Iterator[Task]:
    for name in every():
        for chunk, start in enumerate(range(0, patterns, CHUNK)):
            yield name, chunk, min(CHUNK, patterns - start)


def compared(task: Task) -> tuple[Task, list[str], set[Pattern]]:
    """The differences, and the patterns, each once."""
    name, chunk, count = task
    form, instrument = every()[name]
    found: list[str] = []
    seen: set[Pattern] = set()
    for answers in many_answers(form, f"bench {chunk}", count):
        found += differences(instrument, form, answers)
        seen.add(tuple(answers.items()))
    form.next_items.clear()  # or the memory of a long run would fill with paths
    return task, found, seen


def main() -> None:
    patterns = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    began, queue = time.perf_counter(), list(tasks(patterns))
    print(f"{len(every())} instruments, {patterns:,} patterns each")
    scored, wrong = Counter[str](), Counter[str]()
    distinct: dict[str, set[Pattern]] = defaultdict(set)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for future in as_completed([pool.submit(compared, task) for task in queue]):
            (name, _, count), found, seen = future.result()
            print(*found[: max(0, SHOWN - wrong.total())], sep="\n", end="\n" if found else "")
            scored[name] += count
            wrong[name] += len(found)
            distinct[name] |= seen
            if scored[name] == patterns:
                different = len(distinct.pop(name))
                print(f"  {name:46} {different:>9,} different patterns, {wrong[name]} differences", flush=True)
    print(f"{scored.total():,} patterns in {time.perf_counter() - began:.0f} s: {wrong.total()} differences")
    if wrong.total():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
