"""Runs the jobs until it is killed, with everything that waits made short:
`python -m tests.support.message_worker URL LEASE`, the latter in seconds.

Mail goes where SMTP_URL says, in the environment of a live installation on this machine.
"""

import sys
import threading
from datetime import timedelta

from prom_server import transaction
from prom_server.core import messages
from prom_server.definitions.library import Library
from prom_server.jobs import loop
from prom_server.messages import email, live
from prom_server.services import catalogue, delivering, heartbeats
from prom_server.settings import Settings
from prom_server.store.database import Database


def hurry(lease: float) -> None:
    """Seconds for minutes, for tests and benches alone."""
    messages.BACK_OFF = tuple(timedelta(seconds=0.2 * nth) for nth in range(1, 15))
    delivering.LEASE = timedelta(seconds=lease)
    delivering.REST = heartbeats.REST = timedelta(seconds=0.2)
    email.STEP_SECONDS, email.LAST_SECONDS, email.AT_MOST = lease / 3, lease / 6, 2 * lease / 3
    loop.INTERVAL_SECONDS = 0.05


def main() -> None:
    hurry(float(sys.argv[2]))
    settings = Settings.from_environment()
    transaction.bind(Database(sys.argv[1]))
    catalogue.bind(Library.shipped())
    live.bind(settings.messages, settings.public_url)
    for tasks in ((loop.DELIVER,), loop.OTHERS):
        loop.Loop(tasks, interval=0.05).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
