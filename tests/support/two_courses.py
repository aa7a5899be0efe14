"""Alice with two courses: the follow-up of the first lies beside the baseline of the second."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from prom_server.core.courses import FinishReason
from prom_server.services import answering, courses, visit_pages
from prom_server.services.answering import Posted
from tests import cast as people
from tests.cast import TODAY, Cast
from tests.support.clinic import NOON

DAY = timedelta(days=1)
MONTH_3 = NOON + 94 * DAY  # five infusions, and 90 days after the last; noon all the same, in another offset


def first_course(session: Session, team: Cast) -> str:
    """Infused on five days, and finished."""
    course = people.start(session, team)
    people.infuse(session, course, team.bob, 0, 1, 2, 3, 4)
    courses.finish_course(session, course, FinishReason.COMPLETED, "", by=team.bob, at=NOON + 5 * DAY)
    return course


def second_course(session: Session, team: Cast, *, days: int = 101, at: datetime = MONTH_3) -> str:
    """Its first infusion is planned for so many days after noon: a week after the 3 months are due, unless said."""
    return courses.start_course(
        session, team.alice, "five-day-free-instruments", TODAY + days * DAY, by=team.bob, at=at
    )


def answer(
    session: Session,
    team: Cast,
    course: str,
    time_point: str,
    *,
    at: datetime = MONTH_3,
    parts: int = 2,
    item_9: int = 0,
) -> str:
    """The PHQ-9, and the GAD-7, answered and sent. Returns the session's token."""
    token = people.answer_part(session, course, team.bob, item_9, time_point=time_point, at=at)
    people.submit_part(session, token, at=at)
    if parts > 1:
        for number in range(1, 8):
            step = visit_pages.step(session, token, 2, number, at=at)
            answering.save(session, token, 2, Posted(step.item.id, 1, step.sequence), at=at)
        answering.submit(session, token, 2, at=at)
    return token
