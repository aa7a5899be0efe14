"""`prom-server score` and `prom-server instruments check`: definitions from the command line, without a database."""

import json
from pathlib import Path
from typing import BinaryIO

import click

from prom_server.cli.records import Record, csv_records, json_records
from prom_server.core.alerts import alerts_of
from prom_server.core.instrument import Instrument, Metric
from prom_server.core.refusals import DefinitionError, InvalidAnswer, NotFound
from prom_server.core.scoring import Answers, Score
from prom_server.core.scoring import score as compute
from prom_server.core.screening import in_words, screen
from prom_server.definitions.library import Library, check_file

_supplements = click.option(
    "--supplements",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The clinic's directory of supplements.",
)


@click.command()
@click.argument("instrument_id", metavar="INSTRUMENT")
@click.argument("source", metavar="[FILE|-]", type=click.File("rb"), default="-")
@click.option("--format", "format_", type=click.Choice(["json", "csv"]), help="By the file's name where not given.")
@click.option("--revision", type=click.IntRange(min=1), help="The newest where not given.")
@click.pass_context
def score(
    context: click.Context, instrument_id: str, source: BinaryIO, format_: str | None, revision: int | None
) -> None:
    """Score answers: JSON lines {"id", "answers": {item: value or null}}, or CSV with `id` and item columns.

    Writes one JSON line each. A record that cannot be scored gives {"line", "id", "error"}; the rest goes on and the
    exit status is 1.
    """
    instrument = _instrument(instrument_id, revision)
    named_csv = str(getattr(source, "name", "")).lower().endswith(".csv")
    records = csv_records if format_ == "csv" or (format_ is None and named_csv) else json_records
    failed = False
    for record in records(source):
        result = _result(instrument, record)
        failed = failed or "error" in result
        click.echo(json.dumps(result))
    if failed:
        context.exit(1)


@click.group()
def instruments() -> None:
    """Instrument definitions."""


@instruments.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_supplements
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...], supplements: Path | None) -> None:
    """Lint definition files and run their worked examples; all that are shipped where none is named."""
    library = Library.shipped()
    failed = False
    for path in (*(files or library.files()), *(sorted(supplements.glob("*.yaml")) if supplements else ())):
        try:
            click.echo(f"{path}: {check_file(path, library)}")
        except (DefinitionError, NotFound) as error:
            click.echo(str(error), err=True)
            failed = True
    if failed:
        context.exit(1)


def _instrument(instrument_id: str, revision: int | None) -> Instrument:
    library = Library.shipped()
    try:
        return library.get(instrument_id, revision)
    except NotFound as error:
        known = ", ".join(instrument.id for instrument in library.instruments())
        raise click.BadParameter(f"there is no instrument {error}. There are: {known}") from error
    except DefinitionError as error:
        raise click.ClickException(str(error)) from error


def _result(instrument: Instrument, record: Record) -> dict[str, object]:
    if record.error is not None:
        return {"line": record.line, "id": record.id, "error": record.error}
    try:
        return _scored(instrument, record.id, record.answers)
    except InvalidAnswer as refusal:
        return {"line": record.line, "id": record.id, "error": str(refusal)}


def _scored(instrument: Instrument, id_: object, answers: Answers) -> dict[str, object]:
    return {
        "id": id_,
        "instrument": instrument.id,
        "revision": instrument.revision,
        "scores": [_as_json(score_) for score_ in compute(instrument, answers)],
        "alerts": [{"rule": alert.rule, "level": alert.level} for alert in alerts_of(instrument, answers)],
        "screening": in_words(screen(instrument, answers)),
    }


def _as_json(of: Score) -> dict[str, object]:
    return {
        "scale": of.scale,
        "status": of.status,
        "raw": of.raw,
        "value": _number(of),
        "metric": of.metric,
        "se": None if of.se is None else float(of.se),
        "answered": of.answered,
        "items": of.items,
        "band": of.band,
        "reason": of.reason,
    }


def _number(of: Score) -> int | float | None:
    """Tenths print exactly as floats do (64.1); sums and ratings are whole."""
    if of.value is None:
        return None
    return float(of.value) if of.metric is Metric.T else int(of.value)
