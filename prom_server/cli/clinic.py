"""`prom-server clinic create` and `prom-server staff add`: how a real clinic begins."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from prom_server import clock, transaction
from prom_server.cli.serve import database, settings
from prom_server.core.accounts import EmailTaken, MixedClinics, UnknownTimeZone
from prom_server.core.clinics import PAPERS
from prom_server.core.email_address import is_email
from prom_server.core.permissions import Role
from prom_server.core.refusals import NotFound
from prom_server.services import staffing
from prom_server.settings import Settings


@contextmanager
def _connected() -> Iterator[Settings]:
    chosen = settings()
    found = database(chosen)
    transaction.bind(found)
    try:
        yield chosen
    finally:
        found.dispose()


def _filled(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    longest = {"name": 120, "phone": 40, "hours": 120, "time_zone": 64, "email": 254}[str(parameter.name)]
    value = value.strip()
    if not value or len(value) > longest:
        raise click.BadParameter(f"from 1 to {longest} characters")
    return value


def _email(context: click.Context, parameter: click.Parameter, value: str) -> str:
    value = _filled(context, parameter, value)
    if not is_email(value):
        raise click.BadParameter("an e-mail address such as name@clinic.org")
    return value


@click.group()
def clinic() -> None:
    """Clinics."""


@clinic.command()
@click.option("--name", required=True, callback=_filled, help="As patients read it.")
@click.option("--time-zone", required=True, callback=_filled, help="Such as America/New_York.")
@click.option("--phone", required=True, callback=_filled, help="The number that patients call.")
@click.option("--hours", required=True, callback=_filled, help='In words: "weekdays 8 am to 5 pm".')
@click.option("--paper", type=click.Choice(PAPERS), default="letter", show_default=True, help="Of printed reports.")
def create(name: str, time_zone: str, phone: str, hours: str, paper: str) -> None:
    """Create a clinic; its first administrator comes with `staff add`."""
    try:
        with _connected(), transaction.transaction() as session:
            public_id = staffing.create_clinic(session, name, time_zone, phone, hours, paper, at=clock.now())
    except UnknownTimeZone as error:
        raise click.BadParameter(f"{time_zone} is no time zone.", param_hint="--time-zone") from error
    except MixedClinics as error:
        raise click.ClickException(
            "This database holds the demo clinic. Give real patients a database of their own: set DATABASE_URL or "
            "DATA_DIRECTORY."
        ) from error
    click.echo(f"Created {name} ({public_id}).")
    click.echo(f"Next: prom-server staff add --clinic {public_id} --role administrator --name ... --email ...")


@click.group()
def staff() -> None:
    """Staff accounts."""


@staff.command()
@click.option("--clinic", "clinic_name", help="Name or id; may be left out while there is only one.")
@click.option("--name", required=True, callback=_filled)
@click.option("--email", required=True, callback=_email, help="The sign-in name.")
@click.option("--role", required=True, type=click.Choice([str(role) for role in Role]))
def add(clinic_name: str | None, name: str, email: str, role: str) -> None:
    """Add a person and print a one-time link to set the password."""
    try:
        with _connected() as chosen, transaction.transaction() as session:
            where = staffing.find_clinic(session, clinic_name)
            link = staffing.add_staff(session, name, email, Role(role), clinic=where, by=None, at=clock.now())
    except NotFound as error:
        problem = (
            f"there is no clinic {clinic_name}" if clinic_name else "there is no clinic, or more than one: name it"
        )
        raise click.BadParameter(f"{problem}.", param_hint="--clinic") from error
    except EmailTaken as error:
        raise click.BadParameter("somebody signs in with this address already.", param_hint="--email") from error
    click.echo(f"Added {name} to {where.name}. Give this link to nobody else; it serves once, for 72 hours:")
    click.echo(f"{chosen.public_url}/set-password/{link.token}")
