"""When each task ran last, and whether messages leave: what tells staff that reminders stand still.

A channel that nothing can leave by has a row too, under its own name, with what stood in the way.
"""

from datetime import datetime, timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.core.messages import REST, Later, Outcome, Sent
from prom_server.services import outbox
from prom_server.store.clinics import Clinic
from prom_server.store.outbox import Message, TaskRun

STANDS_STILL_AFTER = timedelta(minutes=10)
FRESH = timedelta(seconds=30)  # what finished so lately is not written again
NONE_RUNS = "jobs"  # no process ever ran any task
NOT_TAKEN = "messages"  # of a live clinic are due, and no process that may send takes them


def fresh(session: Session, *, at: datetime) -> frozenset[str]:
    """The tasks that finished well within the last half minute."""
    recent = (TaskRun.finished_at > at - FRESH, TaskRun.finished_at <= at, TaskRun.error.is_(None))
    return frozenset(session.scalars(select(TaskRun.name).where(*recent)))


def beat(session: Session, name: str, *, at: datetime, error: str | None = None) -> None:
    """Notes a run of the task; `error` is the kind of what ended it, without a word about anybody."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    ran = {"began_at": at, "error": error} if error else {"began_at": at, "finished_at": at, "error": None}
    statement = dialect.insert(TaskRun).values(name=name, **ran)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=ran))


def channel(session: Session, name: str, outcome: Outcome, *, at: datetime) -> None:
    """Notes that nothing can leave by this channel, or that something did again."""
    if isinstance(outcome, Later) and outcome.everybody:
        beat(session, name, at=at, error=outcome.reason)
    elif isinstance(outcome, Sent):
        shut = (TaskRun.name == name, TaskRun.error.is_not(None))
        session.execute(update(TaskRun).where(*shut).values(began_at=at, finished_at=at, error=None))


def resting(at: datetime) -> Select[str]:
    """The channels that nobody should try for the moment."""
    just_now = (TaskRun.began_at > at - REST, TaskRun.began_at <= at)
    return select(TaskRun.name).where(TaskRun.name.in_(list(Kind)), TaskRun.error.is_not(None), *just_now)


def late(session: Session, at: datetime) -> tuple[str, ...]:
    """Names of the tasks without a good run for ten minutes, and of the channels that failed as long; and `messages`
    where those of a live clinic wait as long for a process that may send. In order of the alphabet.
    """
    limit = at - STANDS_STILL_AFTER
    runs = session.scalars(select(TaskRun)).all()
    stand = [each for each in runs if each.finished_at is None or each.finished_at < limit]
    found = [each.name for each in stand if each.error is not None or each.name not in set(Kind)]
    if session.scalar(_not_taken(limit)) is not None:
        found.append(NOT_TAKEN)
    if found or runs:
        return tuple(sorted(found))
    begun = session.scalar(select(Clinic.id).where(Clinic.created_at < limit).limit(1))
    return (NONE_RUNS,) if begun is not None else ()


def _not_taken(limit: datetime) -> Select[int]:
    shut = select(TaskRun.name).where(TaskRun.error.is_not(None))  # those are named already
    return (
        select(Message.id)
        .join(Clinic, Clinic.id == Message.clinic_id)
        .where(
            *outbox.pending(),
            Message.sending_at.is_(None),
            Message.next_try_at < limit,
            Message.channel.not_in(shut),
            Clinic.live_at.is_not(None),
            Clinic.demo.is_(False),
        )
        .limit(1)
    )
