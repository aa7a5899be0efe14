"""`prom-server score`: answers in, scores out, one record at a time, without a database."""

import gzip
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import click

from prom_server.cli.named import instrument_named, revision_option, supplements_option
from prom_server.cli.records import Damaged, Reader, Record, csv_records, json_records
from prom_server.cli.results import Csv, JsonLines, Scored, Unscorable, Writer
from prom_server.core.alerts import alerts_of
from prom_server.core.instrument import Instrument
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.scoring import score as compute
from prom_server.core.screening import screen

STEP = 1_000  # records between two looks at the progress


@click.command()
@click.argument("instrument_id", metavar="INSTRUMENT")
@click.argument("source", metavar="[FILE|-]", type=click.File("rb"), default="-")
@click.option("--format", "format_", type=click.Choice(["json", "csv"]), help="Of FILE: by its name where not given.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write: CSV where the name says .csv, else JSON lines; compressed where it ends in .gz.",
)
@revision_option
@supplements_option
@click.pass_context
def score(
    context: click.Context,
    instrument_id: str,
    source: BinaryIO,
    format_: str | None,
    output: Path | None,
    revision: int | None,
    supplements: Path | None,
) -> None:
    """Score answers: JSON lines {"id", "answers": {item: value or null}}, or CSV with `id` and item columns.

    Writes one JSON line each, or CSV. A record that cannot be scored gives {"line", "id", "error"}; the rest goes on
    and the exit status is 1. A FILE that ends in .gz is read as gzip. Of an adaptive instrument the answers hold what
    was asked: null is skipped, and an empty cell of CSV was not asked.
    """
    instrument = instrument_named(instrument_id, revision, supplements)
    records = _reader(instrument, source, format_)(_uncompressed(source))
    with _opened(output, source) as out:
        writer = _writer(instrument, output, out)
        failed = _score_all(instrument, _with_progress(records, source, out), writer, flush=out.isatty())
    if failed:
        context.exit(1)


def _score_all(instrument: Instrument, records: Iterator[Record], writer: Writer, *, flush: bool) -> bool:
    """True where any could not be scored."""
    failed = False
    try:
        for record in records:
            result = _scored(instrument, record)
            if isinstance(result, Unscorable):
                writer.failed(result)
                failed = True
            else:
                writer.scored(result)
            if flush:
                writer.flush()
    except Damaged as damage:
        writer.failed(Unscorable(damage.line, None, str(damage)))
        raise click.ClickException(f"line {damage.line}: {damage}") from damage
    finally:
        writer.flush()
    return failed


def _scored(instrument: Instrument, record: Record) -> Scored | Unscorable:
    line, id_, answers, error = record
    if error is not None:
        return Unscorable(line, id_, error)
    try:
        scores = compute(instrument, answers)
    except InvalidAnswer as refusal:
        return Unscorable(line, id_, str(refusal))
    return Scored(id_, scores, alerts_of(instrument, answers, scores), screen(instrument, answers))


# ---- Files


def _reader(instrument: Instrument, source: BinaryIO, format_: str | None) -> Reader:
    if format_ == "csv" or (format_ is None and _says_csv(_name(source))):
        return partial(csv_records, empty_is_absent=instrument.adaptive is not None)
    return json_records


def _writer(instrument: Instrument, output: Path | None, out: BinaryIO) -> Writer:
    as_csv = output is not None and _says_csv(output.name)
    return Csv(out, instrument) if as_csv else JsonLines(out, instrument)


def _uncompressed(source: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.open(source)) if _says_gzip(_name(source)) else source


@contextmanager
def _opened(output: Path | None, source: BinaryIO) -> Iterator[BinaryIO]:
    """Where the results go. What was written stays, whatever happens later."""
    if output is None:
        yield sys.stdout.buffer
        return
    if _same(output, source):
        raise click.UsageError(f"{output} is what is read: choose another --output.")
    try:
        with output.open("wb") as file:
            if not _says_gzip(output.name):
                yield file
                return
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed:  # same input, same bytes
                yield cast(BinaryIO, compressed)
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error


def _same(output: Path, source: BinaryIO) -> bool:
    try:
        return os.path.samestat(output.stat(), os.fstat(source.fileno()))
    except OSError:  # there is no such file yet, or what is read is none
        return False


def _name(source: BinaryIO) -> str:
    return str(getattr(source, "name", ""))


def _says_csv(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(".csv")


def _says_gzip(name: str) -> bool:
    return name.lower().endswith(".gz")


# ---- Progress


def _with_progress(records: Iterator[Record], source: BinaryIO, out: BinaryIO) -> Iterator[Record]:
    """A bar, where a person is looking and the results go elsewhere; by bytes where the size is known."""
    if not sys.stderr.isatty() or out.isatty():
        return records
    size = _size(source)
    return _with_count(records) if size is None else _with_bar(records, source, size)


def _with_count(records: Iterator[Record]) -> Iterator[Record]:
    with click.progressbar(records, label="Scoring", show_pos=True, update_min_steps=STEP, file=sys.stderr) as bar:
        yield from bar


def _with_bar(records: Iterator[Record], source: BinaryIO, size: int) -> Iterator[Record]:
    with click.progressbar(length=size, label="Scoring", file=sys.stderr) as bar:
        for number, record in enumerate(records):
            if number % STEP == 0:
                bar.update(source.tell() - bar.pos)
            yield record
        bar.update(size - bar.pos)


def _size(source: BinaryIO) -> int | None:
    try:
        found = os.fstat(source.fileno())
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
