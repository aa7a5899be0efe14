"""A right file, broken in one place."""

from pathlib import Path
from typing import NamedTuple


class Slip(NamedTuple):
    """`before` becomes `after`, once. The message stands at the line of the slip, or at the first line with `at`."""

    file: str
    before: str
    after: str
    message: str
    at: str | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"

    def written(self, folder: Path, original: Path) -> tuple[Path, int]:
        """The broken file in another folder, and the line at which it is found."""
        text = original.read_text(encoding="utf-8")
        assert self.before in text, "the file has changed: mend this test"
        changed = text.replace(self.before, self.after, 1)
        file = folder / original.name
        file.write_text(changed, encoding="utf-8")
        return file, changed[: self._place(text, changed)].count("\n") + 1

    def _place(self, text: str, changed: str) -> int:
        """Where the two differ first, or where `at` stands."""
        if self.at is not None:
            assert self.at in changed, "there is no such line"
            return changed.index(self.at)
        return next(n for n, (was, now) in enumerate(zip(text, changed, strict=False)) if was != now)
