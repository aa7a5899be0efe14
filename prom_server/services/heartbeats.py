"""When each task ran last: what tells staff that reminders stand still."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.store.clinics import Clinic
from prom_server.store.outbox import TaskRun

STANDS_STILL_AFTER = timedelta(minutes=10)
FRESH = timedelta(seconds=30)  # what finished so lately is not written again
NONE_RUNS = "jobs"  # no process ever ran any task


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


def late(session: Session, at: datetime) -> tuple[str, ...]:
    """Names of the tasks without a good run for ten minutes, in order of the alphabet."""
    limit = at - STANDS_STILL_AFTER
    stands = or_(TaskRun.finished_at.is_(None), TaskRun.finished_at < limit)
    names = session.scalars(select(TaskRun.name).where(stands)).all()
    if names or session.scalar(select(TaskRun.name).limit(1)) is not None:
        return tuple(sorted(names))
    begun = session.scalar(select(Clinic.id).where(Clinic.created_at < limit).limit(1))
    return (NONE_RUNS,) if begun is not None else ()
