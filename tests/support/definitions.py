"""A folder of definitions that a test may change, as an upgrade or an operator would."""

import shutil
from pathlib import Path

from prom_server import resources
from prom_server.definitions.library import Library
from prom_server.services import catalogue

PROTOCOL = "protocols/five-day-free-instruments.v1.yaml"
BATTERY = "battery: [phq-9, gad-7]"

# A second revision of the GAD-7, made up: another label, no proration, and a band that begins elsewhere.
SECOND = (
    ("revision: 1", "revision: 2\nchanges: Made up for a test."),
    ("Several days", "Some days"),
    ("max_missing: 1", "max_missing: 0"),
    ("{from: 0, to: 4, label: minimal", "{from: 0, to: 5, label: minimal"),
    ("{from: 5, to: 9, label: mild", "{from: 6, to: 9, label: mild"),
)
EXAMPLES = """check:  # true of both revisions
  - {name: zero, answers: [0, 0, 0, 0, 0, 0, 0], expect: {total: {status: scored, value: 0}}}
  - {name: most, answers: [3, 3, 3, 3, 3, 3, 3], expect: {total: {status: scored, value: 21}}}
  - {name: missing, answers: [3, 3, 3, 3, 3, null, null], expect: {total: {status: not_scorable, value: null}}}
"""
GAD_7 = "gad/gad-7.v1.yaml"


class Definitions:
    """The shipped ones, copied without the list of published files; each change is read by a new library."""

    def __init__(self, folder: Path, battery: str = "gad-7") -> None:
        self.instruments, self.supplements = folder / "instruments", folder / "supplements"
        shutil.copytree(resources.directory("instruments"), self.instruments)
        (self.instruments / "SHA256SUMS").unlink(missing_ok=True)
        self.supplements.mkdir()
        self.edit(PROTOCOL, (BATTERY, f"battery: [{battery}]"))

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """In place, as nobody should."""
        self._write(name, name, changes)

    def revise(self, *changes: tuple[str, str]) -> None:
        """The GAD-7 gets its second revision."""
        self._write(GAD_7, "gad/gad-7.v2.yaml", changes or SECOND)

    def remove(self, name: str) -> None:
        (self.instruments / name).unlink()
        self.bind()

    def supply(self, word: str) -> None:
        """Made-up words for the PCS: the licensed ones stand nowhere in this repository."""
        head = "supplement: pcs\nrevision: 1\nsource: a licence\ndate: 2026-11-24\nentered_by: Bob\nitems:\n"
        items = "".join(f"  pcs{number}: {word} {number}\n" for number in range(1, 14))
        (self.supplements / "pcs.yaml").write_text(head + items, encoding="utf-8")
        self.bind()

    def _write(self, source: str, name: str, changes: tuple[tuple[str, str], ...]) -> None:
        text = (self.instruments / source).read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after, 1)
        if name.endswith(".v2.yaml") or name == GAD_7:
            text = text.partition("check:\n")[0] + EXAMPLES
        (self.instruments / name).write_text(text, encoding="utf-8")
        self.bind()

    def bind(self) -> None:
        catalogue.bind(Library([self.instruments], self.supplements))
