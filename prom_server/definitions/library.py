"""All definitions a server knows: read once, by id and revision, and never changed afterwards.

A file is named `<id>.v<revision>.yaml`; item banks stand in a folder `banks`, protocols in a folder `protocols`,
factors of opioids in a folder `opioid-factors`. What is not asked for is not read, so a command that needs one
instrument starts fast; what is read is linted, and a published file that has changed is refused.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TypeVar

from prom_server import resources
from prom_server.core.instrument import Instrument
from prom_server.core.mme import FactorTable
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.core.schedule import Protocol
from prom_server.definitions import archive
from prom_server.definitions.application import apply
from prom_server.definitions.archive import rebuild
from prom_server.definitions.banks import Bank
from prom_server.definitions.checksums import Checksums, read_checksums
from prom_server.definitions.document import Document, read, value_of
from prom_server.definitions.files import Files, Key, newest
from prom_server.definitions.loading import bank_of, instrument_of, protocol_of
from prom_server.definitions.opioid_factors import factors_of
from prom_server.definitions.supplements import PUBLISHED, Supplement, load_supplements

__all__ = ["Library", "rebuild"]

OPIOID_FACTORS = "cdc-2022"  # the table that doses are computed with today

Asked = TypeVar("Asked")
Known = TypeVar("Known")


class Library:
    """Instruments and protocols from directories, and the clinic's supplements where there is a directory of them."""

    def __init__(self, directories: Iterable[Path], supplements: Path | None = None) -> None:
        self._directories = tuple(directories)
        self._supplements = supplements
        self._banks: dict[Key, Bank] = {}
        self._instruments: dict[Key, tuple[Instrument, Document]] = {}
        self._supplied: dict[str | None, Mapping[tuple[int, str], Supplement]] = {}
        self._worded: dict[tuple[str, int, str], Instrument] = {}
        self._protocols: dict[Key, Protocol] = {}
        self._opioid_factors: dict[Key, FactorTable] = {}
        self._lock = RLock()

    @classmethod
    def shipped(cls, supplements: Path | None = None) -> "Library":
        """Those that come with this package."""
        return cls([resources.directory("instruments")], supplements)

    def get(self, instrument_id: str, revision: int | None = None) -> Instrument:
        """One instrument as published; the newest revision unless one is named. Raises `NotFound`."""
        return self._read_instrument(newest(self._files.instruments, instrument_id, revision))[0]

    def get_with_wording(
        self, instrument_id: str, revision: int | None = None, language: str | None = None
    ) -> Instrument:
        """The same with the clinic's supplement, where there is one; as published where there is none.

        In `language` where one is named: raises `NotFound` for one that is not there. See `languages`.
        """
        instrument = self.get(instrument_id, revision)
        language = language or PUBLISHED
        applied = self._applied(instrument, language)
        if language not in (PUBLISHED, *(supplement.language for supplement in applied)):
            raise NotFound(f"{instrument_id} in {language}")
        return self._once(
            self._worded, (instrument.id, instrument.revision, language), lambda: _applying(instrument, applied)
        )

    def languages(self, instrument_id: str, revision: int | None = None) -> tuple[str, ...]:
        """In which it can be shown: English first, unless only a translation brings its wording."""
        key = newest(self._files.instruments, instrument_id, revision)
        known = [language for of, language in self._supplements_for(instrument_id) if of == key[1]]
        translations = tuple(sorted(language for language in known if language != PUBLISHED))
        if translations and not self.get_with_wording(*key).has_wording:
            return translations
        return (PUBLISHED, *translations)

    def supplement(self, instrument_id: str, revision: int, language: str = PUBLISHED) -> Supplement | None:
        return self._supplements_for(instrument_id).get((revision, language))

    def supplements(self) -> tuple[Supplement, ...]:
        """All of the clinic's, each tried on its instrument. Raises `DefinitionError` for the first that is wrong.

        For a server's start: what is wrong should not wait for the first patient. One for a revision that is not here
        is passed over; `prom-server supplement check` tells of it.
        """
        found = [each for named in self._supplement_files for each in self._supplements_for(named).values()]
        for each in found:
            if (each.instrument, each.revision) in self._files.instruments:
                self.get_with_wording(each.instrument, each.revision, each.language)
        return tuple(found)

    def source_of(self, instrument: Instrument) -> dict[str, str]:
        """Name -> text of every file that it was made from: definition, item bank, supplements. See `archive.rebuild`.

        Raises `NotFound` where this library holds other texts than those, by their hashes.
        """
        published, document = self._read_instrument((instrument.id, instrument.revision))
        supplemented = bool(instrument.supplement_hash)
        same = (
            self.get_with_wording(published.id, published.revision, instrument.language) if supplemented else published
        )
        if (same.content_hash, same.supplement_hash) != (instrument.content_hash, instrument.supplement_hash):
            raise NotFound(f"the files of {instrument.id}, revision {instrument.revision}, as it was")
        applied = self._applied(published, instrument.language) if supplemented else ()
        pinned = published.parameters
        return archive.source(document, self.bank(pinned.bank, pinned.revision) if pinned else None, applied)

    def bank(self, bank_id: str, revision: int) -> Bank | None:
        """One revision of an item bank, None where there is none."""
        key = (bank_id, revision)
        path = self._files.banks.get(key)
        return self._once(self._banks, key, lambda: bank_of(self._unchanged(path))) if path else None

    def check(self) -> None:
        """Reads and lints everything there is. Raises `DefinitionError` for the first wrong file."""
        self.supplements()
        self.instruments()
        self.protocols()
        for key in self._files.opioid_factors:
            self.opioid_factors(*key)

    def instruments(self) -> tuple[Instrument, ...]:
        """The newest revision of each, by id."""
        return tuple(self.get(instrument_id) for instrument_id in sorted({id_ for id_, _ in self._files.instruments}))

    def revisions(self, instrument_id: str) -> tuple[int, ...]:
        """All revisions of one, oldest first; none of an unknown one."""
        return tuple(sorted(revision for id_, revision in self._files.instruments if id_ == instrument_id))

    def protocols(self) -> tuple[Protocol, ...]:
        """The newest revision of each, by id."""
        return tuple(self.protocol(protocol_id) for protocol_id in sorted({id_ for id_, _ in self._files.protocols}))

    def protocol_revisions(self) -> tuple[Protocol, ...]:
        """Every revision of each, by id and revision."""
        return tuple(self.protocol(*key) for key in sorted(self._files.protocols))

    def protocol(self, protocol_id: str, revision: int | None = None) -> Protocol:
        """One protocol; the newest revision unless one is named. Raises `NotFound`."""
        key = newest(self._files.protocols, protocol_id, revision)
        path = self._files.protocols[key]
        return self._once(self._protocols, key, lambda: protocol_of(self._unchanged(path), self.find))

    def opioid_factors(self, table_id: str = OPIOID_FACTORS, revision: int | None = None) -> FactorTable:
        """One table of opioid factors; the newest revision unless one is named. Raises `NotFound`."""
        key = newest(self._files.opioid_factors, table_id, revision)
        path = self._files.opioid_factors[key]
        return self._once(self._opioid_factors, key, lambda: factors_of(self._unchanged(path)))

    def find(self, instrument_id: str) -> Instrument | None:
        """The newest revision, as patients read it."""
        return self.get_with_wording(instrument_id) if self.revisions(instrument_id) else None

    def files(self) -> tuple[Path, ...]:
        """Every definition file: banks, instruments, protocols."""
        return self._files.all()

    @cached_property
    def checksums(self) -> tuple[Checksums, ...]:
        """The lists of published files, one of each directory."""
        return tuple(read_checksums(directory) for directory in self._directories)

    @cached_property
    def _files(self) -> Files:
        return Files(self._directories)

    @cached_property
    def _supplement_files(self) -> Mapping[str | None, list[Path]]:
        """By the instrument that each names; None: it names none, and `supplements` tells what is wrong with it."""
        found: dict[str | None, list[Path]] = {}
        for path in sorted(self._supplements.glob("*.yaml")) if self._supplements else ():
            found.setdefault(value_of("supplement", path), []).append(path)
        return found

    def _supplements_for(self, instrument_id: str | None) -> Mapping[tuple[int, str], Supplement]:
        """By revision and language. Only these files are read: a wrong one for another instrument stops nobody here."""
        paths = self._supplement_files.get(instrument_id, [])
        return self._once(self._supplied, instrument_id, lambda: load_supplements(paths))

    def _applied(self, instrument: Instrument, language: str) -> tuple[Supplement, ...]:
        """The clinic's own, then its translation."""
        languages = dict.fromkeys((PUBLISHED, language))
        found = (self.supplement(instrument.id, instrument.revision, each) for each in languages)
        return tuple(supplement for supplement in found if supplement is not None)

    def _read_instrument(self, key: Key) -> tuple[Instrument, Document]:
        path = self._files.instruments[newest(self._files.instruments, *key)]

        def load() -> tuple[Instrument, Document]:
            document = self._unchanged(path)
            return instrument_of(document, self.bank), document

        return self._once(self._instruments, key, load)

    def _unchanged(self, path: Path) -> Document:
        """A file, read; refused where it was published with other bytes."""
        document = read(path)
        for checksums in self.checksums:
            if changed := checksums.changed(path, document.content_hash):
                raise DefinitionError(changed)
        return document

    def _once(self, known: dict[Asked, Known], key: Asked, load: Callable[[], Known]) -> Known:
        """Loaded at the first asking, by one thread; the same object ever after."""
        with self._lock:
            if key not in known:
                known[key] = load()
            return known[key]


def _applying(instrument: Instrument, supplements: Iterable[Supplement]) -> Instrument:
    for supplement in supplements:
        instrument = apply(instrument, supplement)
    return instrument
