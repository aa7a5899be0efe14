"""Runs the tasks again and again: in a thread of the serving process, or in `prom-server worker`."""

import logging
import random
import threading
from datetime import datetime

from prom_server import clock, demo_clock
from prom_server.jobs.tasks import DELIVER, OTHERS, TASKS, Now, Skipped, Task
from prom_server.services import heartbeats
from prom_server.transaction import DatabaseUnavailable, reading, transaction

INTERVAL_SECONDS = 3.0
LONGEST_WAIT_SECONDS = 60.0  # while the database is away
NOTICE_SECONDS = 0.25  # within which the end of the process is noticed

log = logging.getLogger("prom_server.jobs")


def tick(at: datetime, tasks: tuple[Task, ...] = TASKS) -> None:
    """Runs every task, in turn, until nothing is left to do at this moment. Raises DatabaseUnavailable."""
    while once(lambda: at, tasks):
        pass


def once(now: Now, tasks: tuple[Task, ...] = TASKS) -> int:
    """Every task one time; how many items they did."""
    with reading() as session:
        fresh = heartbeats.fresh(session, at=now())
    return sum(_run(task, now, fresh=task.name in fresh) for task in tasks)


def _run(task: Task, now: Now, *, fresh: bool) -> int:
    """One task that fails neither stops the others nor is forgotten. Only the kind of its error is kept."""
    error, done = None, 0
    try:
        done = task.run(now)
    except Skipped as left:  # the log has each of them already
        error, done = left.kind, left.done
    except Exception as failure:
        error = type(failure).__name__
        log.exception("task failed", extra={"fields": {"task": task.name}})
    if error or not fresh:
        with transaction() as session:
            heartbeats.beat(session, task.name, at=now(), error=error)
    return done


class Loop(threading.Thread):
    """Runs tasks until it is stopped or the process ends; what it is just doing is finished first.

    Not a daemon: the interpreter waits for it, so that a delivery is not cut off in the middle.
    """

    def __init__(self, tasks: tuple[Task, ...], interval: float = INTERVAL_SECONDS) -> None:
        super().__init__(name=f"jobs-{tasks[0].name}")
        self.tasks, self.interval = tasks, interval
        self._stop_asked = threading.Event()

    def run(self) -> None:
        wait = self.interval
        while not self._ending(wait * random.uniform(0.8, 1.2)):  # noqa: S311 - so that many do not ask at once
            wait = self._round(wait)

    def _round(self, wait: float) -> float:
        """Seconds until the next one: none while there is work, longer and longer while the database is away."""
        demo_clock.follow()
        try:
            return 0.0 if once(clock.now, self.tasks) else self.interval
        except DatabaseUnavailable:
            log.warning("the database does not answer; jobs wait")
        except Exception:
            log.exception("jobs failed")
        return min(max(2 * wait, self.interval), LONGEST_WAIT_SECONDS)

    def _ending(self, seconds: float) -> bool:
        """Waits, and says whether it was asked to stop or the process is ending."""
        while not self._stop_asked.is_set() and threading.main_thread().is_alive():
            if seconds <= 0:
                return False
            self._stop_asked.wait(min(seconds, NOTICE_SECONDS))
            seconds -= NOTICE_SECONDS
        return True

    def stop(self) -> None:
        """Ends it as soon as the item that it is at is done."""
        self._stop_asked.set()


def start() -> tuple[Loop, ...]:
    """Two threads: a slow mail server holds up no alert."""
    loops = (Loop((DELIVER,)), Loop(OTHERS))
    for each in loops:
        each.start()
    return loops
