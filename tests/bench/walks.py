"""500 random walks through a visit against a model, on both databases: no answer lost, none overwritten unseen.

Run: bin/bench walks [walks]
"""

import sys
import time

from prom_server.store.database import Database
from tests.services.test_visit_model import walk
from tests.support import databases


def run(kind: str, url: str, walks: int) -> None:
    database = Database(url)
    database.migrate()
    began = time.monotonic()
    patients = walk(database, walks)
    print(f"{kind}: {patients} walks, each as the model says; {time.monotonic() - began:.0f} s")
    database.dispose()


def main() -> None:
    walks = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for kind, url, _folder in databases.empty_of_each_kind():
        run(kind, url, walks)


if __name__ == "__main__":
    main()
