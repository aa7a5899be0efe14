"""`prom-server worker`: reminders, deliveries and escalations, in a process of its own."""

import signal
import threading

import click

from prom_server import clock, demo_clock, transaction
from prom_server.cli.serve import database, settings
from prom_server.definitions.library import Library
from prom_server.services import catalogue
from prom_server.settings import Settings
from prom_server.store.database import DatabaseUnavailable


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, then end.")
def worker(once: bool) -> None:
    """Run the jobs: on as many machines as you like, over one PostgreSQL."""
    chosen = settings()
    opened = database(chosen)
    if opened.on_sqlite and not once:
        opened.dispose()
        raise click.ClickException(
            "On SQLite the jobs run inside `prom-server serve` (JOBS=embedded): a second process would only wait for "
            "the first. Use --once for a single run, or a PostgreSQL database."
        )
    transaction.bind(opened)
    prepare(chosen)
    catalogue.bind(Library.shipped(chosen.supplements))
    try:
        _run_once() if once else _run()
    finally:
        opened.dispose()


def prepare(chosen: Settings) -> None:
    """Tells the process how messages leave, and its log where they do not."""
    from prom_server.messages import live
    from prom_server.web import journal

    journal.write_to_stderr(chosen.log_level)
    live.bind(chosen.messages, chosen.public_url)
    demo_clock.begin()
    sentence = live.warning()
    if sentence:
        click.echo(sentence, err=True)


def _run_once() -> None:
    from prom_server.jobs import loop

    try:
        loop.tick(clock.now())
    except DatabaseUnavailable as error:
        raise click.ClickException(f"The database does not answer: {error}.") from error


def _run() -> None:
    """Until SIGTERM or Ctrl-C: what is being sent is finished first."""
    from prom_server.jobs import loop

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    loops = loop.start()
    click.echo("prom-server worker runs the jobs")
    ended.wait()
    for each in loops:
        each.stop()
    for each in loops:
        each.join()
