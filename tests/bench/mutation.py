"""Changes core/scoring.py, irt.py and cat.py in every small way (mutmut), and counts what no test notices.

Run: bin/bench mutation [name of a mutant, with * for any ...]. Works on a copy, in a temporary folder with its own
mutmut. Prints killed and surviving mutants for each file, the survivors with their change; exits with 1 where fewer
than 90 % of a file's mutants are killed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

MUTMUT = "mutmut==3.8.1"
ROOT = Path(__file__).parents[2]
FILES = ("prom_server/core/scoring.py", "prom_server/core/irt.py", "prom_server/core/cat.py")
TESTS = (
    *("tests/unit/core/test_scoring.py", "tests/unit/core/test_scoring_patterns.py"),
    *("tests/unit/core/test_irt.py", "tests/unit/core/test_irt_sum_scores.py"),
    *("tests/unit/core/test_cat.py", "tests/unit/core/test_responses.py"),
    *("tests/golden/test_sum_score_tables.py", "tests/golden/test_missing_items.py"),
    "tests/golden/test_agreement.py",
)
COPIED = ("prom_server", "tests", "instruments", "migrations", "templates", "translations", "pyproject.toml")
CONFIGURATION = {
    "source_paths": ["prom_server"],
    "only_mutate": FILES,
    "also_copy": COPIED[2:],
    "pytest_add_cli_args": ["-p", "no:cacheprovider", "-W", "default"],
    "pytest_add_cli_args_test_selection": TESTS,
}
SURVIVED = {0, 5, 33}  # exit codes: no test failed, or no test runs the function at all
FAILED = {1, 3}  # any other: stopped, because the tests took far longer than they should
LEAST = 0.9


def copy(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    lines = [f"{key} =\n  " + "\n  ".join(values) for key, values in CONFIGURATION.items()]
    (folder / "setup.cfg").write_text("\n".join(["[mutmut]", *lines, ""]), encoding="utf-8")


def install(folder: Path) -> Path:
    """mutmut in an environment of its own, which sees the project's packages but not the project."""
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "--quiet", "install", MUTMUT], check=True)
    [packages] = (folder / "lib").glob("python3.*/site-packages")
    [ours] = (ROOT / ".venv/lib").glob("python3.*/site-packages")
    (packages / "project.pth").write_text(f"{ours}\n", encoding="utf-8")
    return folder / "bin/mutmut"


def run(folder: Path, mutmut: Path) -> None:
    """Tries every mutant that was named, or all. Its progress is for a terminal only."""
    environment = {**os.environ, "CI": "true"}  # hypothesis then takes its fixed examples, without deadlines
    quiet = None if sys.stdout.isatty() else subprocess.PIPE
    done = subprocess.run([mutmut, "run", *sys.argv[1:]], cwd=folder, check=False, env=environment, stdout=quiet)
    if done.returncode:
        raise SystemExit((done.stdout or b"").decode()[-3000:] or "mutmut failed")


def verdicts(folder: Path, file: str) -> dict[str, int | None]:
    """Mutant -> the exit code of the tests; None where it was not tried."""
    text = (folder / "mutants" / f"{file}.meta").read_text(encoding="utf-8")
    found: dict[str, int | None] = json.loads(text)["exit_code_by_key"]
    return found


def report(folder: Path, mutmut: Path, file: str) -> bool:
    """Prints one file's mutants; True where enough of them are killed."""
    tried = {name: code for name, code in verdicts(folder, file).items() if code is not None}
    survivors = [name for name, code in tried.items() if code in SURVIVED]
    slow = sum(code not in SURVIVED | FAILED for code in tried.values())
    share = 1 - len(survivors) / len(tried) if tried else 1
    print(f"\n{file}: {len(tried) - len(survivors)} of {len(tried)} killed ({share:.1%}), {slow} by taking too long")
    for name in survivors:
        shown = subprocess.run([mutmut, "show", name], cwd=folder, check=False, capture_output=True, text=True).stdout
        changed = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
        print(f"  {name}", *(f"    {line}" for line in changed), sep="\n")
    return share >= LEAST


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mutation-") as temporary:
        folder = Path(temporary) / "project"
        folder.mkdir()
        copy(folder)
        mutmut = install(Path(temporary) / "venv")
        run(folder, mutmut)
        enough = [report(folder, mutmut, file) for file in FILES]
    if not all(enough):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
