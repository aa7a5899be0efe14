"""`prom-server instruments` and `prom-server supplement`: definitions from the command line, without a database."""

from collections.abc import Iterable
from pathlib import Path

import click

from prom_server import resources
from prom_server.cli.named import supplements_option
from prom_server.cli.serve import settings
from prom_server.core.refusals import DefinitionError
from prom_server.definitions import checksums, lint
from prom_server.definitions.library import Library

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def instruments() -> None:
    """Instrument definitions, item banks and protocols."""


@instruments.command()
@click.argument("files", nargs=-1, type=_file)
@supplements_option
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...], supplements: Path | None) -> None:
    """Lint definition files and run their worked examples; all that are shipped where none is named.

    A shipped file must be listed in SHA256SUMS and be as it was published.
    """
    library = Library.shipped(supplements)
    try:
        problems = lint.checksum_problems(library, files)
        named = files or library.files()
    except DefinitionError as error:
        raise click.ClickException(str(error)) from error
    for problem in problems:
        click.echo(problem, err=True)
    right = _told(lint.check_files(named, library)) and not problems
    if not _told(lint.check_supplements(_in_folder(supplements), library)) or not right:
        context.exit(1)


@instruments.command()
@click.argument("files", nargs=-1, required=True, type=_file)
@click.pass_context
def publish(context: click.Context, files: tuple[Path, ...]) -> None:
    """Lint shipped files and list them in SHA256SUMS: from then on they never change."""
    if not _told(lint.check_files(files, Library.shipped())):
        context.exit(1)
    try:
        added = checksums.publish(resources.directory("instruments"), files)
    except DefinitionError as error:
        raise click.ClickException(str(error)) from error
    for name in added:
        click.echo(f"published {name}")


@click.group()
def supplement() -> None:
    """A clinic's own wording, translations and tables."""


@supplement.command("check")
@click.argument("directory", required=False, metavar="[DIR]", type=_folder)
@click.pass_context
def check_supplements(context: click.Context, directory: Path | None) -> None:
    """Lint every supplement of a directory, and say what it supplies; that of the setting SUPPLEMENTS by default."""
    directory = directory or settings().supplements
    if directory is None:
        raise click.UsageError("Name a directory, or set SUPPLEMENTS.")
    files = _in_folder(directory)
    if not files:
        raise click.ClickException(f"{directory} holds no supplement: no file there is named *.yaml.")
    if not _told(lint.check_supplements(files, Library.shipped())):
        context.exit(1)


def _in_folder(supplements: Path | None) -> list[Path]:
    return sorted(supplements.glob("*.yaml")) if supplements else []


def _told(verdicts: Iterable[lint.Verdict]) -> bool:
    """Prints them all. Whether everything is right."""
    right = True
    for verdict in verdicts:
        click.echo(verdict.words, err=not verdict.right)
        right = right and verdict.right
    return right
