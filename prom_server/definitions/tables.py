"""A conversion table from a CSV file that a supplement names: heading `raw,T,SE`, the standard error may be empty."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prom_server.core.refusals import DefinitionError
from prom_server.core.rules import Row

HEADING = ["raw", "T", "SE"]
_RAW = re.compile(r"0|[1-9][0-9]{0,3}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Table:
    """What a supplement brings for one scale, and the line of each row for what is wrong with it."""

    path: Path
    source: str
    rows: Mapping[int, Row]
    lines: Mapping[int, int]

    def at(self, raw: int | None) -> str:
        return f"{self.path}:{self.lines.get(raw, 1) if raw is not None else 1}"


def table(text: str, path: Path, source: str) -> Table:
    """Raises `DefinitionError` with file and line: nothing is coerced, nothing passed over but a byte order mark."""
    rows: dict[int, Row] = {}
    lines: dict[int, int] = {}
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for cells in reader:
            if reader.line_num == 1:
                if cells != HEADING:
                    raise DefinitionError(f"{path}:1: its heading is not {','.join(HEADING)}")
                continue
            raw, row = _row(cells, f"{path}:{reader.line_num}")
            if raw in rows:
                raise DefinitionError(f"{path}:{reader.line_num}: raw {raw} is there twice")
            rows[raw], lines[raw] = row, reader.line_num
    except csv.Error as error:
        raise DefinitionError(f"{path}:{reader.line_num}: is not CSV: {error}") from error
    if not rows:
        raise DefinitionError(f"{path}:1: has no rows")
    return Table(path, source, rows, lines)


def _row(cells: list[str], at: str) -> tuple[int, Row]:
    if len(cells) != len(HEADING):
        raise DefinitionError(f"{at}: has {len(cells)} cells, not {len(HEADING)}")
    raw, t, se = cells
    if not _RAW.fullmatch(raw):
        raise DefinitionError(f"{at}: {raw[:40]!r} is not a raw sum")
    if not _NUMBER.fullmatch(t):
        raise DefinitionError(f"{at}: {t[:40]!r} is not a T-score")
    if se and not _NUMBER.fullmatch(se):
        raise DefinitionError(f"{at}: {se[:40]!r} is not a standard error; leave it empty where there is none")
    return int(raw), Row(Decimal(t), Decimal(se) if se else None)
