"""`prom-server demo`: the demo clinic, made once, and how to get in."""

import os
import secrets
from pathlib import Path

import click

from prom_server import clock, demo_clock, transaction
from prom_server.definitions.library import Library
from prom_server.demo import cast, clinic, travel
from prom_server.jobs import loop
from prom_server.messages import live
from prom_server.services import accounts, catalogue, staffing
from prom_server.settings import Settings
from prom_server.store.database import Database

LEAST_PASSWORD = 12


def begin(settings: Settings, database: Database) -> None:
    """Makes the demo clinic if it is not there, and follows its clock."""
    catalogue.bind(Library.shipped(settings.supplements))
    transaction.bind(database)
    demo_clock.begin()
    with database.reading() as session:
        beginning = staffing.is_empty(session)
        if not beginning and not accounts.any_demo(session):
            raise click.ClickException(
                "This database holds a real clinic: the demo is never added to one, and its clock is never moved. "
                "Use `prom-server serve`, or another DATABASE_URL or DATA_DIRECTORY for the demo."
            )
    if beginning:
        click.echo("Making the demo clinic: synthetic patients, made once ...")
        clinic.make(database, at=clock.now())


def travel_ahead(settings: Settings, days: int) -> None:
    """Step by step: whatever ends it half way, the clock stays where it was then."""
    live.bind(settings.messages, settings.public_url)
    click.echo(f"Moving the demo clock {days} days ahead; the jobs run on the way ...")
    start = clock.now()
    with click.progressbar(length=days) as bar:
        travel.travel(days, loop.tick, lambda stop: bar.update((stop - start).days - bar.pos))
    demo_clock.refresh()
    click.echo(_where())


def _where() -> str:
    day = demo_clock.today() or clock.now().date()
    return f"Demo clock: {day:%a} {day.day} {day:%b %Y}, {clock.ahead().days} days ahead."


def welcome(settings: Settings, database: Database) -> None:
    """Sets the passwords of the demo, and prints addresses and sign-ins."""
    password = _password(settings, database)
    with database.writing() as session:
        link = clinic.ready_link(session, at=clock.now())
    _print(settings, password, link)


def _password(settings: Settings, database: Database) -> str:
    """PROM_DEMO_PASSWORD, or a random one, kept beside the database so that the next start can print it too."""
    kept = settings.data_directory / "demo-password"
    known = kept.read_text().strip() if kept.exists() else None
    password = settings.demo_password or known or secrets.token_urlsafe(12)
    if len(password) < LEAST_PASSWORD:
        raise click.UsageError(f"PROM_DEMO_PASSWORD must have at least {LEAST_PASSWORD} characters.")
    if password != known or not _signs_in(database):
        password_hash = accounts.hash_password(password)
        with database.writing() as session:
            clinic.set_passwords(session, password_hash, at=clock.now())
        _keep(kept, password)
    return password


def _signs_in(database: Database) -> bool:
    """Not before the first password was set: the clinic may be new beside an old data folder."""
    with database.reading() as session:
        return clinic.has_passwords(session)


def _keep(path: Path, password: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(password + "\n")


def _print(settings: Settings, password: str, link: clinic.Ready | None) -> None:
    lines = [
        "",
        f"prom-server serves the demo clinic (all data synthetic) on {settings.public_url}",
        "",
        f"  Staff sign in at {settings.public_url}/sign-in with the password {password}",
        *(f"    {email:28} {role}" for _name, email, role in cast.STAFF),
        "",
    ]
    if clock.ahead():
        lines += [
            f"  {_where()}",
            "  Whoever was signed in before it moved, staff or patient, signs in or opens the link again.",
            "",
        ]
    if link is not None:
        lines += [
            f"  A patient's link, ready to answer: {settings.public_url}/a/{link.token}",
            f"    date of birth {link.born:%m %d %Y} (month, day, year)",
        ]
    else:
        lines.append("  Every demo assessment that is open was begun. To begin anew: stop, delete the data folder.")
    click.echo("\n".join([*lines, "", "Stop with Ctrl-C.", ""]))
