"""An instrument as the texts of its files, to be kept with what was answered, and built again from them.

Names are paths: `instrument/<file>`, `bank/<file>`, and `supplement/<language>/<file>` for the clinic's own. The texts
are the files' own bytes in UTF-8, so both hashes come out the same.
"""

from collections.abc import Mapping
from pathlib import Path

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError
from prom_server.definitions import banks, build
from prom_server.definitions.application import merge
from prom_server.definitions.banks import Bank
from prom_server.definitions.document import Document, parse
from prom_server.definitions.supplements import PUBLISHED, Supplement


def source(instrument: Document, bank: Bank | None, supplements: tuple[Supplement, ...]) -> dict[str, str]:
    """Name -> text of everything that an instrument was made from: what `rebuild` takes."""
    files = {f"instrument/{instrument.path.name}": instrument.text}
    if bank is not None:
        files[f"bank/{bank.document.path.name}"] = bank.document.text
    for supplement in supplements:
        files |= {f"supplement/{supplement.language}/{name}": text for name, text in supplement.files.items()}
    return files


def rebuild(files: Mapping[str, str]) -> Instrument:
    """The instrument that `Library.source_of` wrote down, with the same `content_hash` and `supplement_hash`.

    A pure function of the texts. The linter's rules are those of the day a file was published or supplied, so they are
    not asked again. Raises `DefinitionError` for what cannot be read.
    """
    definition = [_document(name, text) for name, text in files.items() if name.startswith("instrument/")]
    if len(definition) != 1:
        raise DefinitionError(f"{', '.join(files) or 'no file'}: one file of an instrument is needed")
    known = [banks.bank(_document(name, text)) for name, text in files.items() if name.startswith("bank/")]
    instrument = build.instrument(
        definition[0],
        lambda id_, revision: next((bank for bank in known if (bank.id, bank.revision) == (id_, revision)), None),
    )
    for language in sorted(_languages(files), key=lambda language: (language != PUBLISHED, language)):
        instrument = merge(instrument, Supplement.from_files(_below(f"supplement/{language}/", files)))
    return instrument


def _document(name: str, text: str) -> Document:
    return parse(text.encode(), Path(name))


def _languages(files: Mapping[str, str]) -> set[str]:
    return {name.split("/")[1] for name in files if name.startswith("supplement/")}


def _below(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(folder): text for name, text in files.items() if name.startswith(folder)}
