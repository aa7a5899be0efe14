"""All definitions a server knows: read once, by id and revision, and never changed afterwards.

A file is named `<id>.v<revision>.yaml`; protocols stand in a folder `protocols`. What is not asked for is not read, so
a command that needs one instrument starts fast; what is read is linted, so a wrong file is refused before it scores.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TypeVar

from prom_server import resources
from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.core.schedule import Protocol
from prom_server.definitions import build
from prom_server.definitions.crosscheck import instrument_findings, protocol_findings
from prom_server.definitions.document import Document, read
from prom_server.definitions.supplements import Supplement, apply, load_supplement

_FILE_NAME = re.compile(r"(?P<id>[a-z0-9]+(?:-[a-z0-9]+)*)\.v(?P<revision>[1-9][0-9]{0,3})\.yaml")
_PROTOCOLS = "protocols"

Key = tuple[str, int]  # id and revision
Defined = TypeVar("Defined", Instrument, Protocol)


class Library:
    """Instruments and protocols from directories, and the clinic's supplements where there is a directory of them."""

    def __init__(self, directories: Iterable[Path], supplements: Path | None = None) -> None:
        self._directories = tuple(directories)
        self._supplements = supplements
        self._read: dict[Key, Instrument] = {}
        self._worded: dict[Key, Instrument] = {}
        self._read_protocols: dict[Key, Protocol] = {}
        self._lock = RLock()

    @classmethod
    def shipped(cls, supplements: Path | None = None) -> "Library":
        """Those that come with this package."""
        return cls([resources.directory("instruments")], supplements)

    def get(self, instrument_id: str, revision: int | None = None) -> Instrument:
        """One instrument as published; the newest revision unless one is named. Raises `NotFound`."""
        key = _newest(self._instrument_files, instrument_id, revision)
        return self._once(self._read, key, lambda: load_instrument(self._instrument_files[key]))

    def get_with_wording(self, instrument_id: str, revision: int | None = None) -> Instrument:
        """The same with the clinic's supplement, where there is one; as published where there is none."""
        instrument = self.get(instrument_id, revision)
        found = self.supplement(instrument.id, instrument.revision)
        key = (instrument.id, instrument.revision)
        return self._once(self._worded, key, lambda: apply(instrument, found)) if found else instrument

    def supplement(self, instrument_id: str, revision: int) -> Supplement | None:
        return self._supplement_by_key.get((instrument_id, revision))

    def instruments(self) -> tuple[Instrument, ...]:
        """The newest revision of each, by id."""
        return tuple(self.get(instrument_id) for instrument_id in sorted({id_ for id_, _ in self._instrument_files}))

    def revisions(self, instrument_id: str) -> tuple[int, ...]:
        """All revisions of one, oldest first; none of an unknown one."""
        return tuple(sorted(revision for id_, revision in self._instrument_files if id_ == instrument_id))

    def protocols(self) -> tuple[Protocol, ...]:
        """The newest revision of each, by id."""
        return tuple(self.protocol(protocol_id) for protocol_id in sorted({id_ for id_, _ in self._protocol_files}))

    def protocol(self, protocol_id: str, revision: int | None = None) -> Protocol:
        """One protocol; the newest revision unless one is named. Raises `NotFound`."""
        key = _newest(self._protocol_files, protocol_id, revision)
        return self._once(self._read_protocols, key, lambda: load_protocol(self._protocol_files[key], self.find))

    def find(self, instrument_id: str) -> Instrument | None:
        return self.get(instrument_id) if self.revisions(instrument_id) else None

    def files(self) -> tuple[Path, ...]:
        """Every definition file, instruments before protocols."""
        return (*self._instrument_files.values(), *self._protocol_files.values())

    @cached_property
    def _instrument_files(self) -> Mapping[Key, Path]:
        return _by_key(path for path in self._yaml_files() if path.parent.name != _PROTOCOLS)

    @cached_property
    def _protocol_files(self) -> Mapping[Key, Path]:
        return _by_key(path for path in self._yaml_files() if path.parent.name == _PROTOCOLS)

    @cached_property
    def _supplement_by_key(self) -> Mapping[Key, Supplement]:
        found: dict[Key, Supplement] = {}
        for path in sorted(self._supplements.glob("*.yaml")) if self._supplements else ():
            supplement = load_supplement(path)
            key = (supplement.instrument, supplement.revision)
            if key in found:
                raise DefinitionError(
                    f"{path}:1: {found[key].document.path} is a supplement for the same revision already"
                )
            found[key] = supplement
        return found

    def _yaml_files(self) -> list[Path]:
        return sorted(path for directory in self._directories for path in directory.rglob("*.y*ml"))

    def _once(self, known: dict[Key, Defined], key: Key, load: Callable[[], Defined]) -> Defined:
        """Loaded at the first asking, by one thread; the same object ever after."""
        with self._lock:
            if key not in known:
                known[key] = load()
            return known[key]


def load_instrument(path: Path) -> Instrument:
    """Read and lint one instrument file. Raises `DefinitionError` with file and line of everything wrong."""
    document = read(path)
    instrument = build.instrument(document)
    _check_name(document, instrument.id, instrument.revision)
    if findings := instrument_findings(instrument):
        raise document.error(findings)
    return instrument


def load_protocol(path: Path, find: Callable[[str], Instrument | None]) -> Protocol:
    """Read and lint one protocol file; `find` gives the instruments of its battery."""
    document = read(path)
    protocol = build.protocol(document)
    _check_name(document, protocol.id, protocol.revision)
    if findings := protocol_findings(protocol, find):
        raise document.error(findings)
    return protocol


def check_file(path: Path, library: Library) -> str:
    """Read and lint a file of any kind, told by its first words. What it is, in words, or `DefinitionError`."""
    data = read(path).data
    if "protocol" in data:
        protocol = load_protocol(path, library.find)
        return f"protocol {protocol.id}, revision {protocol.revision}: {len(protocol.time_points)} time points"
    if "supplement" in data:
        supplement = load_supplement(path)
        apply(library.get(supplement.instrument, supplement.revision), supplement)
        return f"supplement for {supplement.instrument}, revision {supplement.revision}"
    instrument = load_instrument(path)
    return f"instrument {instrument.id}, revision {instrument.revision}: {len(instrument.checks)} worked examples agree"


def _check_name(document: Document, id_: str, revision: int) -> None:
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


def _newest(files: Mapping[Key, Path], id_: str, revision: int | None) -> Key:
    known = [key for key in files if key[0] == id_ and revision in (None, key[1])]
    if not known:
        raise NotFound(f"{id_}, revision {revision}" if revision else id_)
    return max(known)
