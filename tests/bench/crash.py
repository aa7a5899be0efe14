"""200 SIGKILLs of server workers while 8 patients answer: nothing acknowledged is lost, doubled or half stored.

Run: bin/bench crash [kills]
"""

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from prom_server.store.database import Database
from tests.support import clinic, crash, databases
from tests.support.live_server import LiveServer
from tests.support.postgresql import Cluster

CLIENTS = 8


def run(kind: str, url: str, folder: Path, kills: int) -> bool:
    database = Database(url)
    database.migrate()
    links = clinic.invitations_for(database, 20 * kills)
    began = time.monotonic()
    with LiveServer(url, folder) as server:
        tally = crash.run(server, links, CLIENTS, kills)
        server.stop()
        orphans = server.pids()
    with database.reading() as session:
        lost = crash.losses(session, tally)
    print(
        f"{kind}: {tally.kills} kills during {tally.requests} answers and submits by {CLIENTS} clients "
        f"({tally.retries} retries): {len(tally.answers)} answers and {len(tally.submits)} submits acknowledged, "
        f"{len(lost)} lost, doubled or half stored; serving again at most {tally.slowest_return:.2f} s after a kill; "
        f"{len(orphans)} orphan processes; {time.monotonic() - began:.0f} s"
    )
    for each in lost[:10]:
        print("  ", each)
    database.dispose()
    enough = tally.kills >= kills and tally.requests >= 10 * kills
    return enough and not lost and not orphans and tally.slowest_return < 3


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fine = run("sqlite", databases.sqlite_url(folder / "crash.sqlite3"), folder, kills)
        cluster = Cluster(durable=True)
        stack.callback(cluster.remove)
        cluster.start()
        url = stack.enter_context(databases.postgresql_database(cluster, None))
        fine = run("postgresql", url, folder, kills) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
