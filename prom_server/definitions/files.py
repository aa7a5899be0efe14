"""Definition files by their names and folders: what there is, before anything is read."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.definitions.document import Document

_FILE_NAME = re.compile(r"(?P<id>[a-z0-9]+(?:-[a-z0-9]+)*)\.v(?P<revision>[1-9][0-9]{0,3})\.yaml")
BANKS, PROTOCOLS, OPIOID_FACTORS = "banks", "protocols", "opioid-factors"  # folders; in all others stand instruments

Key = tuple[str, int]  # id and revision


class Files:
    """The files of some directories by id and revision. Raises `DefinitionError` for a name that says neither."""

    def __init__(self, directories: Iterable[Path]) -> None:
        paths = sorted(path for directory in directories for path in directory.rglob("*.y*ml"))
        self.banks = _by_key(path for path in paths if path.parent.name == BANKS)
        self.protocols = _by_key(path for path in paths if path.parent.name == PROTOCOLS)
        self.opioid_factors = _by_key(path for path in paths if path.parent.name == OPIOID_FACTORS)
        others = {BANKS, PROTOCOLS, OPIOID_FACTORS}
        self.instruments = _by_key(path for path in paths if path.parent.name not in others)

    def all(self) -> tuple[Path, ...]:
        """What others refer to comes first."""
        return (
            *self.banks.values(),
            *self.instruments.values(),
            *self.protocols.values(),
            *self.opioid_factors.values(),
        )


def newest(files: Mapping[Key, Path], id_: str, revision: int | None) -> Key:
    """The revision that is named, or else the newest. Raises `NotFound`."""
    known = [key for key in files if key[0] == id_ and revision in (None, key[1])]
    if not known:
        raise NotFound(f"{id_}, revision {revision}" if revision else id_)
    return max(known)


def check_name(document: Document, id_: str, revision: int) -> None:
    expected = f"{id_}.v{revision}.yaml"
    if document.path.name != expected:
        raise DefinitionError(f"{document.path}:1: is named {document.path.name}, but it holds {expected}")


def _by_key(paths: Iterable[Path]) -> Mapping[Key, Path]:
    found: dict[Key, Path] = {}
    for path in paths:
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise DefinitionError(f"{path}:1: is not named <id>.v<revision>.yaml")
        key = (match["id"], int(match["revision"]))
        if key in found:
            raise DefinitionError(f"{path}:1: {found[key]} is the same revision already")
        found[key] = path
    return found
