"""One definition file, read and linted: a wrong one is refused before it can score anything."""

from collections.abc import Callable
from pathlib import Path

from prom_server.core.instrument import Instrument
from prom_server.core.schedule import Protocol
from prom_server.definitions import banks, build
from prom_server.definitions.banks import Bank, FindBank
from prom_server.definitions.crosscheck import instrument_findings
from prom_server.definitions.document import Document, read
from prom_server.definitions.files import check_name
from prom_server.definitions.protocolcheck import protocol_findings


def no_bank(bank_id: str, revision: int) -> None:
    """A `FindBank` for where there are no item banks."""


def load_instrument(path: Path, find_bank: FindBank = no_bank) -> Instrument:
    """Read and lint one instrument file. Raises `DefinitionError` with file and line of everything wrong."""
    return instrument_of(read(path), find_bank)


def instrument_of(document: Document, find_bank: FindBank) -> Instrument:
    instrument = build.instrument(document, find_bank)
    check_name(document, instrument.id, instrument.revision)
    if findings := instrument_findings(instrument):
        raise document.error(findings)
    return instrument


def load_bank(path: Path) -> Bank:
    return bank_of(read(path))


def bank_of(document: Document) -> Bank:
    bank = banks.bank(document)
    check_name(document, bank.id, bank.revision)
    return bank


def load_protocol(path: Path, find: Callable[[str], Instrument | None]) -> Protocol:
    """Read and lint one protocol file; `find` gives the instruments of its battery."""
    return protocol_of(read(path), find)


def protocol_of(document: Document, find: Callable[[str], Instrument | None]) -> Protocol:
    protocol = build.protocol(document)
    check_name(document, protocol.id, protocol.revision)
    if findings := protocol_findings(protocol, find):
        raise document.error(findings)
    return protocol
