"""Workers that are killed while they deliver, and what the database and the mail server's ledger say afterwards."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from prom_server.services import outbox
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from tests.support.smtp_stub import SmtpStub

KEY = "only-for-tests-" + "0" * 32


def environment(stub: SmtpStub) -> dict[str, str]:
    """Of a live installation on this machine whose mail server is the stub."""
    here = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}
    return here | {
        "SECRET_KEY": KEY,
        "MESSAGES": "live",
        "MESSAGES_HOST": socket.gethostname(),
        "SMTP_URL": stub.url,
        "MAIL_FROM": "clinic@example.org",
    }


class Worker:
    """A process that delivers, to be killed."""

    def __init__(self, url: str, env: Mapping[str, str], lease: float = 6) -> None:
        command = [sys.executable, "-m", "tests.support.message_worker", url, str(lease)]
        self.process = subprocess.Popen(
            command, env={**env, "DATABASE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@dataclass
class Verdict:
    """What became of the messages, as both sides tell it."""

    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # called clearly not sent, and taken


def waiting(database: Database) -> int:
    """How many have not ended yet."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Message).where(*outbox.pending())) or 0


def judge(database: Database, stub: SmtpStub) -> Verdict:
    """No message is taken twice, none that is called sent was not taken, none that is called refused was."""
    verdict = Verdict()
    with database.reading() as session:
        for row in session.scalars(select(Message)):
            taken = stub.taken[row.public_id]
            ends = {"sent": row.sent_at, "refused": row.refused_at, "unclear": row.unclear_at}
            state = next((name for name, at in ends.items() if at is not None), "pending")
            verdict.states[state] += 1
            if row.reason:
                verdict.reasons[f"{state}: {row.reason}"] += 1
            if taken > 1:
                verdict.doubled.append(row.public_id)
            if state == "pending" or (state == "sent" and not taken):
                verdict.lost.append(row.public_id)
            if state == "refused" and taken:
                verdict.wrong.append(row.public_id)
    return verdict


def kill_at_random(
    url: str, database: Database, stub: SmtpStub, *, workers: int, kills: int, seconds: float, lease: float = 6
) -> int:
    """Workers deliver and one of them is killed again and again, until nothing waits any more. Returns the kills.

    `lease` is in seconds; a killed one's message is called unclear after that.
    """
    chooser, deadline, killed = random.Random(kills), time.monotonic() + seconds, 0
    env = environment(stub)
    running = [Worker(url, env, lease) for _ in range(workers)]
    try:
        for each in running:
            each.wait_until_ready()
        while waiting(database):
            assert time.monotonic() < deadline, f"{waiting(database)} still wait"
            time.sleep(chooser.uniform(0.05, 0.5))
            if killed < kills:
                nth = chooser.randrange(workers)
                running[nth].kill()
                killed += 1
                running[nth] = Worker(url, env, lease)
    finally:
        for each in running:
            each.kill()
    return killed
