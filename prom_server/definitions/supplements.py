"""What a clinic adds to an instrument: licensed wording, a translation, a table that is not public.

A supplement names the instrument and the revision it completes, where its content comes from, and who entered it when.
It fills what the definition leaves open and nothing else: what is scored, and how, stays as published. How it is
applied is in `application`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from prom_server.core.refusals import DefinitionError
from prom_server.definitions.document import Document, Finding, decoded, parse, read, read_bytes
from prom_server.definitions.schema import shaped
from prom_server.definitions.schema.supplements import SupplementShape
from prom_server.definitions.tables import Table, table

PUBLISHED = "en"  # the language of the wording that definitions ship


@dataclass(frozen=True, slots=True)
class Supplement:
    instrument: str
    revision: int  # of the instrument
    language: str
    source: str
    date: date  # when it was entered
    entered_by: str
    context: str | None  # the stem, where that is licensed too
    contexts: Mapping[str, str]  # of a translation: each stem -> its translation
    items: Mapping[str, str]
    options: Mapping[str, Mapping[int, str]]  # of a translation: name of a list -> value -> label
    sections: Mapping[str, str]  # of a translation: section -> title
    tables: Mapping[str, Table]  # scale -> its table
    document: Document  # the file, for naming its lines
    files: Mapping[str, str]  # name -> text of the YAML file and of each CSV file: what `from_files` takes

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes of the YAML file, then of each CSV file in the order of their names."""
        csvs = [text for name, text in sorted(self.files.items()) if name != self.document.path.name]
        return sha256("".join([self.document.text, *csvs]).encode()).hexdigest()

    @property
    def is_translation(self) -> bool:
        return self.language != PUBLISHED

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> "Supplement":
        """From the texts of its files, as `files` gave them. Raises `DefinitionError`."""
        yaml = [name for name in files if name.endswith(".yaml")]
        if len(yaml) != 1:
            raise DefinitionError(f"{', '.join(files) or 'no file'}: a supplement is one YAML file and its tables")
        return _supplement(parse(files[yaml[0]].encode(), Path(yaml[0])), lambda name: _among(files, name))


def load_supplement(path: Path) -> Supplement:
    """From a file and the tables beside it. Raises `DefinitionError` with file and line."""

    def beside(name: str) -> str:
        return decoded(read_bytes(path.parent / name), path.parent / name)

    return _supplement(read(path), beside)


def load_supplements(paths: Iterable[Path]) -> Mapping[tuple[int, str], Supplement]:
    """Those for one instrument, by revision and language. Raises `DefinitionError`, also where two are for the same."""
    found: dict[tuple[int, str], Supplement] = {}
    for path in paths:
        supplement = load_supplement(path)
        there = found.setdefault((supplement.revision, supplement.language), supplement)
        if there is not supplement:
            message = f"{there.document.path} is a supplement for the same revision and language already"
            raise DefinitionError(f"{path}:1: {message}")
    return found


def _among(files: Mapping[str, str], name: str) -> str:
    if name not in files:
        raise DefinitionError(f"{name}:1: is missing")
    return files[name]


def _supplement(document: Document, text_of: Callable[[str], str]) -> Supplement:
    data = shaped(document, SupplementShape)
    if findings := list(_findings(data)):
        raise document.error(findings)
    texts = {written["file"]: text_of(written["file"]) for written in data["tables"].values()}
    tables = {
        scale: table(texts[written["file"]], document.path.parent / written["file"], written["source"])
        for scale, written in data["tables"].items()
    }
    return Supplement(
        instrument=data.pop("supplement"),
        document=document,
        files={document.path.name: document.text, **texts},
        **{**data, "date": date.fromisoformat(data["date"]), "tables": tables},
    )


def _findings(data: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        date.fromisoformat(data["date"])
    except ValueError:
        yield Finding(("date",), "is not a date such as 2026-11-24")
    if data["language"] == PUBLISHED:
        for key in ("contexts", "options", "sections"):
            if data[key]:
                yield Finding((key,), f"belongs to a translation, and the language is {PUBLISHED}")
        if not data["items"] and not data["tables"]:
            yield Finding((), "brings neither items nor tables")
        if data["context"] is not None and not data["items"]:
            yield Finding(("context",), "is the stem of items, and there are none")
    elif data["tables"]:
        yield Finding(("tables",), "count in every language: they belong to the supplement without `language`")
    files = [written["file"] for written in data["tables"].values()]
    if len(set(files)) < len(files):
        yield Finding(("tables",), "two scales have the same file")
