"""The linter for files of any kind, and for the list of published files: what it says of each."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.definitions.application import apply
from prom_server.definitions.document import read
from prom_server.definitions.library import Library
from prom_server.definitions.loading import load_bank, load_instrument, load_protocol
from prom_server.definitions.opioid_factors import factors_of
from prom_server.definitions.supplements import PUBLISHED, Supplement, load_supplement

Key = tuple[str, int, str]  # instrument, revision, language


class Verdict(NamedTuple):
    """What a file is, in words; or what is wrong with it, a line for each finding."""

    words: str
    right: bool


def check_files(files: Iterable[Path], library: Library) -> Iterator[Verdict]:
    """Reads and lints each, its kind told by its first word. What it refers to comes from the library."""
    for path in files:
        yield _verdict(path, partial(_check, path, library))


def check_supplements(files: Iterable[Path], library: Library) -> Iterator[Verdict]:
    """All supplements of a clinic, beside one another: a translation is checked on the clinic's own wording."""
    known: dict[Key, Supplement] = {}
    for path in sorted(files, key=_is_translation):
        yield _verdict(path, partial(_load_and_check, path, known, library))


def checksum_problems(library: Library, files: Iterable[Path]) -> list[str]:
    """How these files differ from the lists of published files; all files and lists where none is named.

    A file outside the library's directories is listed nowhere, and nothing is wrong with that.
    """
    chosen = list(files)
    found: list[str] = []
    for checksums in library.checksums:
        held = [path for path in chosen or library.files() if checksums.holds(path)]
        found += checksums.problems(held) if not chosen else filter(None, map(checksums.problem, held))
    return found


def _verdict(path: Path, check: Callable[[], str]) -> Verdict:
    try:
        return Verdict(f"{path}: {check()}", right=True)
    except DefinitionError as error:
        return Verdict(str(error), right=False)
    except NotFound as error:
        return Verdict(f"{path}:1: there is no {error}", right=False)


def _check(path: Path, library: Library) -> str:
    data = read(path).data
    if "protocol" in data:
        protocol = load_protocol(path, library.find)
        return f"protocol {protocol.id}, revision {protocol.revision}: {len(protocol.time_points)} time points"
    if "opioid_factors" in data:
        table = factors_of(read(path))
        return f"opioid factors {table.id}, revision {table.revision}: {len(table.opioids)} opioids"
    if "supplement" in data:
        return _check_supplement(load_supplement(path), {}, library)
    if "bank" in data:
        bank = load_bank(path)
        return f"item bank {bank.id}, revision {bank.revision}: {len(bank.items)} items"
    instrument = load_instrument(path, library.bank)
    return f"instrument {instrument.id}, revision {instrument.revision}: {len(instrument.checks)} worked examples agree"


def _is_translation(path: Path) -> tuple[bool, Path]:
    """For the order: the clinic's own first. What cannot be read is told when its turn comes."""
    try:
        return read(path).data.get("language", PUBLISHED) != PUBLISHED, path
    except DefinitionError:
        return False, path


def _load_and_check(path: Path, known: dict[Key, Supplement], library: Library) -> str:
    return _check_supplement(load_supplement(path), known, library)


def _check_supplement(supplement: Supplement, known: dict[Key, Supplement], library: Library) -> str:
    key = (supplement.instrument, supplement.revision, supplement.language)
    if (same := known.setdefault(key, supplement)) is not supplement:
        path, other = supplement.document.path, same.document.path
        raise DefinitionError(f"{path}:1: {other} is a supplement for the same revision and language already")
    instrument = library.get(supplement.instrument, supplement.revision)
    own = known.get((supplement.instrument, supplement.revision, PUBLISHED))
    if own is not None and supplement.is_translation:
        instrument = apply(instrument, own)
    return _supplied(apply(instrument, supplement), supplement)


def _supplied(instrument: Instrument, supplement: Supplement) -> str:
    brought = [
        *(["translation"] if supplement.is_translation else ["wording"] if supplement.items else []),
        *(f"table of {instrument.scale_by_id[scale].short}" for scale in supplement.tables),
    ]
    of = f"supplement for {supplement.instrument}, revision {supplement.revision} ({supplement.language})"
    return f"{of}: {', '.join(brought)}"
