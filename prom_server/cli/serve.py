"""`prom-server serve`, `migrate` and `demo`."""

import contextlib
import multiprocessing
import os
import socket
import threading
from typing import Any

import click

from prom_server import clock, transaction
from prom_server.core.time_travel import LONGEST_DAYS
from prom_server.definitions.library import Library
from prom_server.messages import live
from prom_server.services import catalogue, pinning
from prom_server.settings import InvalidSettings, Settings
from prom_server.store.database import Database, DatabaseUnavailable

FALSE_STARTS_ALLOWED = 5

_loaded = multiprocessing.Event()  # a worker has loaded the application; shared with the workers by fork


def settings() -> Settings:
    """The settings of the environment, or a clear refusal and exit status 2."""
    try:
        return Settings.from_environment()
    except InvalidSettings as error:
        raise click.UsageError(f"These settings cannot be used:\n{error}") from error


def database(chosen: Settings) -> Database:
    """The database, brought to the newest schema; or a clear refusal and exit status 1."""
    found = Database(chosen.database_url)
    try:
        found.make_file()
        if not found.is_newest():
            found.migrate()
            _archive_begun(found, chosen)
    except DatabaseUnavailable as error:
        raise click.ClickException(f"The database does not answer: {error}. Check DATABASE_URL.") from error
    return found


def _archive_begun(found: Database, chosen: Settings) -> None:
    """What began before definitions were archived is archived once, while its files are still there."""
    transaction.bind(found)
    catalogue.bind(Library.shipped(chosen.supplements))
    with transaction.transaction() as session:
        pinning.archive_begun(session, at=clock.now())


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    database(settings()).dispose()


@click.command()
def serve() -> None:
    """Serve the clinic's pages. Seeds nothing."""
    chosen = settings()
    _require_free_port(chosen)
    database(chosen).dispose()
    click.echo(f"prom-server listens on http://{chosen.host}:{chosen.port} for {chosen.public_url}")
    run(chosen)


@click.command()
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), help="First move the demo's clock so many days ahead.")
@click.option("--only", is_flag=True, help="With --days: move the clock and end.")
def demo(days: int | None, only: bool) -> None:
    """Serve a demo clinic with synthetic patients, made on first use.

    With --days its clock moves ahead, further each time, and the jobs run as they would have on the way.
    """
    from prom_server.cli import demo as demo_clinic

    if only and days is None:
        raise click.UsageError("--only needs --days.")
    chosen = settings()
    if not only:
        _require_free_port(chosen)
    opened = database(chosen)
    try:
        demo_clinic.begin(chosen, opened)
        if days is not None:
            demo_clinic.travel_ahead(chosen, days)
        if not only:
            demo_clinic.welcome(chosen, opened)
    finally:
        opened.dispose()  # no connection is carried into the workers
    if not only:
        run(chosen)


def application() -> Any:
    """What each worker of the WSGI server loads."""
    from prom_server.app import create_app
    from prom_server.jobs import loop

    threading.Thread(target=_end_with_parent, daemon=True).start()
    chosen = Settings.from_environment()
    app = create_app(chosen)
    if chosen.messages.jobs:
        loop.start()
    _loaded.set()
    return app


def _end_with_parent() -> None:
    """A worker whose first process was killed would hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def run(chosen: Settings) -> None:
    """Serves until SIGTERM or Ctrl-C: requests in flight are finished, dead workers are replaced.

    The WSGI server gives up when a worker dies twice within seconds. Patients should not pay for that: it is started
    again, unless it cannot start at all.
    """
    live.bind(chosen.messages, chosen.public_url)
    if (sentence := live.warning()) is not None:
        click.echo(sentence, err=True)
    false_starts = 0
    while false_starts < FALSE_STARTS_ALLOWED:
        _loaded.clear()
        if _serve_once(chosen):
            return
        false_starts = 0 if _loaded.is_set() else false_starts + 1
    raise click.ClickException("The server's workers end as soon as they start. The lines above say why.")


def _require_free_port(chosen: Settings) -> None:
    """Two servers could share one port without an error, each answering half of the requests."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.host, chosen.port))
        except OSError as error:
            raise click.ClickException(
                f"Nothing can listen on {chosen.host}:{chosen.port}: {error.strerror}. "
                "Stop what does, or choose another: PORT=8001"
            ) from error


def _serve_once(chosen: Settings) -> bool:
    """True when it was asked to stop; False when its workers died."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    server = Server(
        "prom_server.cli.serve:application",
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.WSGI,
        workers=chosen.workers,
        blocking_threads=chosen.threads,
        factory=True,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=10,  # a worker that two signals caught at the same moment would never end
        log_level=LogLevels.error,
        log_access=False,
        websockets=False,
    )
    with contextlib.suppress(SystemExit):
        server.serve()
    return bool(server.interrupt_signal)
