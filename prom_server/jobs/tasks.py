"""The tasks. Each does one item at a time, in a transaction of its own, so that two processes never wait for each other
and whatever ends one of them loses nothing.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from prom_server.core.messages import Envelope, Later, Outcome, State
from prom_server.messages import live
from prom_server.services import delivering, escalating, reminding, rounds
from prom_server.services.delivering import Claim, ClaimLost
from prom_server.transaction import DatabaseUnavailable, transaction

AT_ONCE = 50  # items; then the other tasks have their turn
SENT_AT_ONCE = 5  # messages; then it is asked whether the process is to end
INSIST = (1, 2, 4, 8, 16)  # seconds between attempts to record what was sent

_worker: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Task:
    """`run(at)` returns how many items it did; 0 when there is nothing left to do now."""

    name: str
    run: Callable[[datetime], int]


def worker() -> str:
    """The name of this process among all that deliver; another one after a fork."""
    name = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    return _worker.setdefault(os.getpid(), name)


def _one_by_one(act: Callable[..., int]) -> Callable[[datetime], int]:
    """`act` does one item and returns how much that was."""

    def run(at: datetime) -> int:
        done = 0
        for _ in range(AT_ONCE):
            with transaction() as session:
                found = act(session, at=at)
            if not found:
                break
            done += found
        return done

    return run


def deliver(at: datetime) -> int:
    """Messages that are due. A channel that nothing can leave by is left alone until the next run."""
    done, closed = 0, frozenset[str]()
    for _ in range(SENT_AT_ONCE):
        with transaction() as session:
            claim = delivering.lease(session, worker(), without=closed, at=at)
        if claim is None:
            break
        channel = _deliver(claim, at)
        if channel is None:
            done += 1
        else:
            closed |= {channel}
    return done


def _deliver(claim: Claim, at: datetime) -> str | None:
    """One leased message. Returns its channel where nothing can leave by it now."""
    try:
        with transaction() as session:
            begun = delivering.begin(session, claim, live=live.is_live(), public_url=live.public_url(), at=at)
    except ClaimLost:
        return None
    except DatabaseUnavailable:
        raise
    except Exception:  # of our own making; the message is not to stand in the way of others
        with transaction() as session:
            delivering.fail(session, claim, at=at)
        raise
    if isinstance(begun, State):
        return None
    outcome = live.send(begun, at=at)
    _record(begun, outcome, at)
    return begun.channel if isinstance(outcome, Later) and outcome.everybody else None


def _record(sent: Envelope, outcome: Outcome, at: datetime) -> None:
    """A database that is away just now would make unclear what is known: it is asked again for a while."""
    for seconds in (*INSIST, None):
        try:
            with transaction() as session:
                delivering.record(session, sent, worker(), outcome, at=at)
            return
        except DatabaseUnavailable:
            if seconds is None:
                raise
            time.sleep(seconds)


DELIVER = Task("deliver", deliver)
OTHERS = (
    Task("escalate", _one_by_one(escalating.escalate)),
    Task("flag", _one_by_one(rounds.flag_unreached)),
    Task("expire", _one_by_one(delivering.expire)),
    Task("remind", _one_by_one(reminding.remind)),
)
TASKS = (*OTHERS, DELIVER)
