"""`prom-server bounce`: a mail server hands over what came back, one mail on standard input."""

import sys

import click

from prom_server import clock, transaction
from prom_server.cli.serve import database, settings
from prom_server.core import inbound as reports
from prom_server.services import inbound

LARGEST = 1024 * 1024  # bytes that are read; a report is in the first of them
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and tries later


@click.command()
@click.option("--recipient", help="The address that it was sent to, as the mail server knows it.")
def bounce(recipient: str | None) -> None:
    """Take a bounced mail from standard input, as the pipe of a mail server.

    Any other mail, and a report on none of our messages, is passed over without a word.
    """
    try:
        report = reports.bounce(sys.stdin.buffer.read(LARGEST), recipient)
        if report is None:
            return
        found = database(settings())
        try:
            transaction.bind(found)
            with transaction.transaction() as session:
                inbound.bounced(session, report, at=clock.now())
        finally:
            found.dispose()
    except Exception:  # noqa: BLE001 - whatever it is: the mail server keeps the mail
        sys.exit(TRY_AGAIN)
