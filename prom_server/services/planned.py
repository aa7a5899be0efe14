"""The assessments of a course as planning needs them: with what reminds of each, sent or waiting."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from prom_server.core.replanning import Covered, Planned
from prom_server.services import finding, outbox
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course
from prom_server.store.outbox import Message, Reminder


def of_course(session: Session, course: Course, *, lock: bool) -> tuple[Planned, ...]:
    """`lock` holds them, in the order of every act on more than one, and the messages that wait: none is sent then."""
    mine = select(Assessment).where(Assessment.course_id == course.id).order_by(Assessment.id)
    rows = session.scalars(mine.with_for_update(key_share=True) if lock else mine).all()
    ids = [row.id for row in rows]
    covered = _covered(session, ids, lock=lock)
    links = _links(session, ids, lock=lock)
    return tuple(_planned(row, covered.get(row.id, []), links.get(row.id, [])) for row in rows)


def shared_messages(session: Session, rows: Sequence[Planned]) -> frozenset[int]:
    """Of the messages that wait, those that remind of an assessment of another course too."""
    waiting = {each.waiting for row in rows for each in row.covered if each.waiting is not None}
    if not waiting:
        return frozenset()
    mine = [row.id for row in rows]
    others = select(Reminder.message_id).where(Reminder.message_id.in_(waiting), Reminder.assessment_id.not_in(mine))
    return frozenset(each for each in session.scalars(others) if each is not None)


def _planned(row: Assessment, covered: Sequence[Covered], links: Sequence[int]) -> Planned:
    return Planned(
        id=row.id,
        window=finding.window(row),
        begun=row.started_at is not None or row.completed_at is not None,
        completed=row.completed_at is not None,
        declined=row.declined_at is not None,
        cancelled=row.cancelled_at is not None,
        reopened=row.reopened_at is not None,
        remind_on=row.remind_on,
        covered=tuple(covered),
        links=tuple(links),
    )


def _covered(session: Session, assessment_ids: Sequence[int], *, lock: bool) -> Mapping[int, Sequence[Covered]]:
    reminders = session.execute(
        select(Reminder.assessment_id, Reminder.kind, Reminder.nth, Reminder.message_id)
        .where(Reminder.assessment_id.in_(assessment_ids))
        .order_by(Reminder.id)
    ).all()
    messages = {row.message_id for row in reminders if row.message_id is not None}
    waiting, unsent = _waiting(session, messages, lock=lock), _never_sent(session, messages)
    found: dict[int, list[Covered]] = defaultdict(list)
    for row in reminders:
        waits = row.message_id if row.message_id in waiting else None
        gone = row.message_id is not None and row.message_id not in waiting | unsent
        found[row.assessment_id].append(Covered((row.kind, row.nth), gone, waits))
    return found


def _waiting(session: Session, message_ids: Collection[int], *, lock: bool) -> set[int]:
    """One that a worker holds is not among them: it is on its way."""
    if not message_ids:
        return set()
    these = select(Message.id).where(Message.id.in_(message_ids), *outbox.pending(), Message.sending_at.is_(None))
    return set(session.scalars(these.with_for_update(skip_locked=True) if lock else these))


def _never_sent(session: Session, message_ids: Collection[int]) -> set[int]:
    if not message_ids:
        return set()
    ended = or_(Message.refused_at.is_not(None), Message.cancelled_at.is_not(None))
    return set(session.scalars(select(Message.id).where(Message.id.in_(message_ids), ended)))


def _links(session: Session, assessment_ids: Sequence[int], *, lock: bool) -> Mapping[int, Sequence[int]]:
    """Messages that staff sent by hand. A reminder's link is not counted twice."""
    these = select(Message.id, Message.assessment_id).where(
        Message.assessment_id.in_(assessment_ids),
        Message.purpose == "link",
        *outbox.pending(),
        Message.sending_at.is_(None),
    )
    found: dict[int, list[int]] = defaultdict(list)
    for row in session.execute(these.with_for_update(skip_locked=True) if lock else these):
        if row.assessment_id is not None:
            found[row.assessment_id].append(row.id)
    return found
