"""The instrument that a command names."""

from pathlib import Path

import click

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError, NotFound
from prom_server.definitions.library import Library

revision_option = click.option("--revision", type=click.IntRange(min=1), help="The newest where not given.")
supplements_option = click.option(
    "--supplements",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The clinic's directory of supplements.",
)


def instrument_named(instrument_id: str, revision: int | None = None, supplements: Path | None = None) -> Instrument:
    """With what the clinic's supplement brings. Ends the command with a message where there is none, or it is wrong."""
    library = Library.shipped(supplements)
    try:
        return library.get_with_wording(instrument_id, revision)
    except NotFound as error:
        known = ", ".join(instrument.id for instrument in library.instruments())
        raise click.BadParameter(f"there is no instrument {error}. There are: {known}") from error
    except DefinitionError as error:
        raise click.ClickException(str(error)) from error
