"""The tasks. Each does one item at a time, in a transaction of its own, so that two processes never wait for each other
and whatever ends one of them loses nothing.
"""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from prom_server.core.messages import Envelope, Leaves, Outcome, State
from prom_server.messages import live
from prom_server.services import delivering, escalating, reminding, rounds
from prom_server.services.delivering import Claim, ClaimLost
from prom_server.transaction import DatabaseUnavailable, reading, transaction

AT_ONCE = 50  # items; then the other tasks have their turn
SENT_AT_ONCE = 5  # messages; then it is asked whether the process is to end
INSIST = (1, 2, 4, 8, 16)  # seconds between attempts to record what was sent
SKIPPED_FOR = timedelta(minutes=10)

Now = Callable[[], datetime]  # asked anew for each item: one may take minutes
Pick = Callable[..., int | None]  # (session, at=, without=): what comes next, without holding it
Act = Callable[..., int]  # (session, item, at=): 0 when another process is at it, or nothing was left to do

log = logging.getLogger("prom_server.jobs")

_worker: dict[int, str] = {}
_skipped: dict[tuple[str, int | None], tuple[datetime, str]] = {}  # since when, and the kind of the error


@dataclass(frozen=True, slots=True)
class Task:
    """`run(now)` returns how many items it did; 0 when there is nothing left to do now."""

    name: str
    run: Callable[[Now], int]


class Skipped(Exception):
    """Some items failed and are left out for ten minutes; `done` others were done. `kind`: of the first error."""

    def __init__(self, done: int, kind: str) -> None:
        super().__init__(kind)
        self.done, self.kind = done, kind


def worker() -> str:
    """The name of this process among all that deliver; another one after a fork."""
    name = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    return _worker.setdefault(os.getpid(), name)


# ---- Items one by one


def _one_by_one(name: str, pick: Pick, act: Act, now: Now) -> int:
    """One that fails stands in nobody's way: it is left out for a while, as is the whole list if picking fails."""
    done, passed = 0, set[int]()
    while done < AT_ONCE:
        at, item = now(), None
        skipped = _left_out(name, at)
        if None in skipped:
            break
        try:
            with reading() as session:
                item = pick(session, at=at, without=passed | skipped.keys())
            if item is None:
                break
            with transaction() as session:
                found = act(session, item, at=at)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            _skipped[name, item] = at, type(error).__name__
            log.exception("item failed", extra={"fields": {"task": name}})
            continue
        done += found
        if not found:
            passed.add(item)
    return done


def _left_out(name: str, at: datetime) -> dict[int | None, str]:
    """Of this list, each with the kind of its error. A clock set back leaves nothing out."""
    for key, (since, _kind) in list(_skipped.items()):
        if not since <= at < since + SKIPPED_FOR:
            _skipped.pop(key, None)
    return {item: kind for (each, item), (_since, kind) in list(_skipped.items()) if each == name}


def _ended(names: list[str], done: int, at: datetime) -> int:
    """The task is not called well while it leaves something out. Raises Skipped."""
    for name in names:
        if kinds := _left_out(name, at):
            raise Skipped(done, next(iter(kinds.values())))
    return done


def _listed(name: str, pick: Pick, act: Act) -> Task:
    return Task(name, lambda now: _ended([name], _one_by_one(name, pick, act, now), now()))


def remind(now: Now) -> int:
    """Clinic by clinic, so that what is wrong with one of them is only its own."""
    at = now()
    with reading() as session:
        names = {f"remind {each}": each for each in reminding.clinics(session, at=at)}
    picks = {name: partial(reminding.next_patient, clinic_id=each) for name, each in names.items()}
    done = sum(_one_by_one(name, pick, reminding.remind_patient, now) for name, pick in picks.items())
    return _ended(list(names), done, now())


def expire(now: Now) -> int:
    with transaction() as session:
        return delivering.expire(session, at=now())


# ---- Messages


def deliver(now: Now) -> int:
    """Messages that are due."""
    done = 0
    for _ in range(SENT_AT_ONCE):
        with transaction() as session:
            claim = delivering.lease(session, worker(), leaves=live.leaves(), at=now())
        if claim is None:
            break
        _deliver(claim, now)
        done += 1
    return done


def _deliver(claim: Claim, now: Now) -> None:
    try:
        with transaction() as session:
            here = live.leaves() is Leaves.HERE
            begun = delivering.begin(session, claim, live=here, public_url=live.public_url(), at=now())
    except ClaimLost:
        return
    except DatabaseUnavailable:
        raise
    except Exception:  # of our own making; the message is not to stand in the way of others
        with transaction() as session:
            delivering.fail(session, claim, at=now())
        raise
    if not isinstance(begun, State):
        _record(begun, live.send(begun, at=now()), now)


def _record(sent: Envelope, outcome: Outcome, now: Now) -> None:
    """A database that is away just now would make unclear what is known: it is asked again for a while."""
    for seconds in (*INSIST, None):
        try:
            with transaction() as session:
                delivering.record(session, sent, worker(), outcome, at=now())
            return
        except DatabaseUnavailable:
            if seconds is None:
                raise
            time.sleep(seconds)


DELIVER = Task("deliver", deliver)
OTHERS = (
    _listed("escalate", escalating.due, escalating.escalate),
    _listed("flag", rounds.next_clinic, rounds.flag_unreached),
    Task("expire", expire),
    Task("remind", remind),
)
TASKS = (*OTHERS, DELIVER)
