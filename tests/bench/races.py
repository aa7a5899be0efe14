"""500 pairs of simultaneous submits and 500 pairs of save against submit, on both databases.

Run: bin/bench races [pairs]
"""

import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from prom_server.store.database import Database
from tests.support import clinic, databases, races, recompute
from tests.support.live_server import LiveServer
from tests.support.postgresql import Cluster


def run(kind: str, url: str, folder: Path, pairs: int) -> bool:
    database = Database(url)
    database.migrate()
    tokens = clinic.invitations_for(database, 2 * pairs)
    began = time.monotonic()
    with LiveServer(url, folder) as server:
        submits = Counter(races.submit_twice(server.port, token) for token in tokens[:pairs])
        saves = Counter(races.save_against_submit(server.port, token) for token in tokens[pairs:])
    with database.reading() as session:
        wrong = recompute.differences(session)
    same = all(first == second for first, second in submits)
    fine = not wrong and same and all(status < 500 for pair in saves for status in pair)
    print(f"{kind}: {pairs} pairs of submits: {dict(submits)}")
    print(f"{kind}: {pairs} pairs of save against submit: {dict(saves)}")
    print(f"{kind}: {len(wrong)} administrations do not recompute; {time.monotonic() - began:.0f} s")
    for each in wrong[:10]:
        print("  ", each)
    database.dispose()
    return fine


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fine = run("sqlite", databases.sqlite_url(folder / "races.sqlite3"), folder, pairs)
        cluster = Cluster(durable=True)
        stack.callback(cluster.remove)
        cluster.start()
        url = stack.enter_context(databases.postgresql_database(cluster, None))
        fine = run("postgresql", url, folder, pairs) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
