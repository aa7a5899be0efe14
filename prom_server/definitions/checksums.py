"""`SHA256SUMS`: the list of published files. A published file never changes, so each is listed with its hash.

The format is that of `sha256sum`, so that `sha256sum --check SHA256SUMS` says the same without this program.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from prom_server.core.refusals import DefinitionError
from prom_server.definitions.document import decoded, read_bytes

NAME = "SHA256SUMS"
_LINE = re.compile(r"(?P<hash>[0-9a-f]{64})  (?P<name>[A-Za-z0-9][A-Za-z0-9._/-]*)")


class Listed(NamedTuple):
    sha256: str
    line: int


@dataclass(frozen=True, slots=True)
class Checksums:
    """The list of one directory; empty where there is none."""

    directory: Path
    listed: Mapping[str, Listed]  # by path below the directory

    def listing(self, path: Path) -> Listed | None:
        return self.listed.get(self._name(path))

    def holds(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.directory.resolve())

    def changed(self, path: Path, content_hash: str) -> str | None:
        """What is wrong with a listed file whose bytes have this hash."""
        listing = self.listing(path)
        if listing is None or listing.sha256 == content_hash:
            return None
        where = f"{self.directory / NAME}:{listing.line}"
        return f"{path}:1: has changed since it was published ({where}): a correction is a new revision"

    def problems(self, files: Iterable[Path]) -> list[str]:
        """Every difference between the list and the files that there are."""
        there = {self._name(path): path for path in files}
        found = [self.problem(path) for path in there.values()]
        gone = [
            f"{self.directory / NAME}:{listing.line}: {name} is not there"
            for name, listing in self.listed.items()
            if name not in there
        ]
        return [*filter(None, found), *gone]

    def problem(self, path: Path) -> str | None:
        """What is wrong with one file that is shipped."""
        if self.listing(path) is None:
            return f"{path}:1: is not listed in {NAME}: `prom-server instruments publish` adds it"
        return self.changed(path, sha256(read_bytes(path)).hexdigest())

    def _name(self, path: Path) -> str:
        return path.resolve().relative_to(self.directory.resolve()).as_posix() if self.holds(path) else ""


def read_checksums(directory: Path) -> Checksums:
    """Raises `DefinitionError` with the line that is not one of `sha256sum`'s."""
    path = directory / NAME
    listed: dict[str, Listed] = {}
    for number, line in enumerate(decoded(read_bytes(path), path).splitlines(), 1) if path.exists() else ():
        match = _LINE.fullmatch(line)
        if match is None:
            raise DefinitionError(f"{path}:{number}: is not a hash, two spaces and a path")
        if match["name"] in listed:
            raise DefinitionError(f"{path}:{number}: {match['name']} is listed twice")
        listed[match["name"]] = Listed(match["hash"], number)
    return Checksums(directory, listed)


def publish(directory: Path, files: Iterable[Path]) -> list[str]:
    """Lists these files of the directory. The names that are new; raises `DefinitionError` and then lists none."""
    known = read_checksums(directory)
    lines: dict[str, str] = {}
    for path in files:
        if not known.holds(path):
            raise DefinitionError(f"{path}:1: is not below {directory}")
        content_hash = sha256(read_bytes(path)).hexdigest()
        if changed := known.changed(path, content_hash):
            raise DefinitionError(changed)
        if known.listing(path) is None:
            name = path.resolve().relative_to(directory.resolve()).as_posix()
            lines[name] = f"{content_hash}  {name}\n"
    with (directory / NAME).open("a", encoding="utf-8", newline="") as file:
        file.writelines(lines.values())
    return list(lines)
