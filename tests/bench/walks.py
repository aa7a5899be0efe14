"""500 random walks through a visit against a model, on both databases: no answer lost, none overwritten unseen.

Run: bin/bench walks [walks]
"""

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from prom_server.store.database import Database
from tests.services.test_visit_model import walk
from tests.support import databases
from tests.support.postgresql import Cluster


def run(kind: str, url: str, walks: int) -> None:
    database = Database(url)
    database.migrate()
    began = time.monotonic()
    patients = walk(database, walks)
    print(f"{kind}: {patients} walks, each as the model says; {time.monotonic() - began:.0f} s")
    database.dispose()


def main() -> None:
    walks = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        run("sqlite", databases.sqlite_url(folder / "walks.sqlite3"), walks)
        cluster = Cluster()
        stack.callback(cluster.remove)
        cluster.start()
        run("postgresql", stack.enter_context(databases.postgresql_database(cluster, None)), walks)


if __name__ == "__main__":
    main()
