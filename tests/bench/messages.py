"""10,000 messages, 4 workers killed at random, a mail server that refuses, stalls, drops: none lost, none sent twice.

The mail server's own ledger, by Message-ID, is the judge. Seconds stand for the minutes of back-off and lease.
Run: bin/bench messages [messages] [kills]
"""

import random
import sys
import time

from sqlalchemy import update

from prom_server import clock
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from tests import cast as people
from tests.support import databases, deliveries, letters
from tests.support.smtp_stub import Behaviour, SmtpStub

BAD = 0.3  # of the connections meet something else than a plain acceptance
STALL = 1.0  # seconds
LEASE = 12.0


def choose(chooser: random.Random) -> Behaviour:
    others = [each for each in Behaviour if each is not Behaviour.ACCEPT]
    return chooser.choice(others) if chooser.random() < BAD else Behaviour.ACCEPT


def run(kind: str, url: str, messages: int, kills: int) -> bool:
    database = Database(url)
    database.migrate()
    with database.writing() as session:
        team = people.cast(session, demo=False)
        session.execute(update(Clinic).values(live_at=clock.now()))
        for nth in range(messages):
            letters.put(session, team.bob, f"bench:{nth}", at=clock.now())
    chooser, workers = random.Random(messages), 1 if kind == "sqlite" else 4
    began = time.monotonic()
    with SmtpStub(lambda: choose(chooser), STALL) as stub:
        killed = deliveries.kill_at_random(url, database, stub, workers=workers, kills=kills, seconds=3600, lease=LEASE)
        verdict = deliveries.judge(database, stub)
    database.dispose()
    print(
        f"{kind}: {messages} messages, {workers} worker(s), {killed} kills, {stub.met.total()} connections, "
        f"{time.monotonic() - began:.0f} s: {len(verdict.lost)} lost, {len(verdict.doubled)} taken twice, "
        f"{len(verdict.wrong)} called not sent and taken; {dict(verdict.states)}"
    )
    for reason, count in sorted(verdict.reasons.items()):
        print(f"  {count:6} {reason}")
    print("  met:", ", ".join(f"{each} {count}" for each, count in sorted(stub.met.items())))
    return not (verdict.lost or verdict.doubled or verdict.wrong) and killed >= min(kills, 1)


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    results = [run(kind, url, messages, kills) for kind, url, _folder in databases.empty_of_each_kind()]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
