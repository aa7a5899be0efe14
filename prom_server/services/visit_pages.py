"""What a patient's pages show. Reads only."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core import screens
from prom_server.core.refusals import NotFound
from prom_server.core.responses import most_items
from prom_server.core.visit import PartState, Place, Visit, after, minutes, next_place, place_in
from prom_server.core.visit_views import (
    Alternative,
    BreakView,
    DeclineView,
    HelpView,
    ReviewView,
    StepView,
    ThanksView,
    WelcomeView,
    alternatives,
    review_view,
    step_view,
)
from prom_server.services import alerting, battery, visits
from prom_server.services.answering import AlreadySubmitted, NotAskedNow, Unfinished
from prom_server.store.assessments import Assessment


def welcome(session: Session, token: str, *, at: datetime) -> WelcomeView:
    """Purpose, reader and time, before anything is asked. Raises SessionOver, AssessmentClosed."""
    visit = visits.of_session(session, token, at=at)
    assessment = session.scalars(select(Assessment).where(Assessment.id == visit.assessment_id)).one()
    parts = battery.load(session, visit)
    asked = [part for part in parts if not part.elsewhere]
    place = next_place(parts)
    visits.require_open(visit, unless=place.finished)
    return WelcomeView(
        clinic=visit.clinic,
        started=any(part.begun for part in asked),
        begun=tuple(part.id for part in parts),
        minutes=minutes(sum(part.seconds_left for part in parts)),
        parts=len(asked),
        questions=sum(most_items(part.instrument) if part.adaptive else len(part.items) for part in asked),
        at_most=any(part.adaptive for part in asked),
        place=place,
        due_on=assessment.due_on,
        closes_on=assessment.closes_on,
        notices=tuple(dict.fromkeys(part.instrument.licence.notice for part in parts)),
        languages=tuple(part.instrument.language for part in parts),
    )


def where(session: Session, token: str, *, at: datetime) -> Place:
    """The first thing not done yet."""
    visit = visits.of_session(session, token, at=at)
    return next_place(battery.load(session, visit))


def step(session: Session, token: str, part: int, number: int, *, at: datetime) -> StepView:
    """One item. Raises NotFound, SessionOver, AssessmentClosed, AlreadySubmitted, NotAskedNow."""
    visit, parts, mine = _at_step(session, token, part, number, at=at)
    return step_view(visit.clinic, parts, mine, number)


def screen(session: Session, token: str, part: int, number: int, *, large: bool, at: datetime) -> tuple[StepView, ...]:
    """The items on one screen with this one: it alone, unless the screen is large and the protocol says so.

    Raises as `step`.
    """
    visit, parts, mine = _at_step(session, token, part, number, at=at)
    together = screens.screen(mine, number, visit.items_per_screen if large else 1)
    return tuple(step_view(visit.clinic, parts, mine, each) for each in together)


def ahead(session: Session, token: str, part: int, number: int, *, at: datetime) -> tuple[Alternative, ...]:
    """What follows each answer to one item, where the answer decides. Raises as `step`."""
    visit, parts, mine = _at_step(session, token, part, number, at=at)
    return alternatives(visit.clinic, parts, mine, number)


def _at_step(
    session: Session, token: str, part: int, number: int, *, at: datetime
) -> tuple[Visit, tuple[PartState, ...], PartState]:
    visit = visits.of_session(session, token, at=at)
    visits.require_open(visit)
    parts = battery.load(session, visit)
    mine = battery.part_at(parts, part)
    if mine.submitted:
        raise AlreadySubmitted(mine.instrument.id)
    if len(mine.items) < number <= len(mine.instrument.items):
        raise NotAskedNow(f"{mine.instrument.id} has no step {number} now")
    if not 1 <= number <= len(mine.items):
        raise NotFound("no such step")
    return visit, parts, mine


def review(session: Session, token: str, part: int, *, at: datetime) -> ReviewView:
    """What was answered, what was not and what that costs. Raises Unfinished for an adaptive part before its end."""
    visit = visits.of_session(session, token, at=at)
    parts = battery.load(session, visit)
    mine = battery.part_at(parts, part)
    if mine.adaptive and not mine.ended:
        raise Unfinished(mine.instrument.id)
    return review_view(visit.clinic, parts, mine)


def rest(session: Session, token: str, part: int, *, at: datetime) -> BreakView:
    """Between two parts. Raises NotFound where the part is not there, SessionOver."""
    visit = visits.of_session(session, token, at=at)
    parts = battery.load(session, visit)
    battery.part_at(parts, part)
    left = minutes(sum(each.seconds_left for each in parts))
    return BreakView(visit.clinic, part, len(parts), left, kiosk=visit.mode == "kiosk")


def declining(session: Session, token: str, part: int, *, at: datetime) -> DeclineView:
    """The page that asks whether a whole questionnaire is left out. Raises NotFound, SessionOver, AssessmentClosed."""
    visit = visits.of_session(session, token, at=at)
    parts = battery.load(session, visit)
    mine = battery.part_at(parts, part)
    visits.require_open(visit, unless=mine.submitted)
    return DeclineView(
        clinic=visit.clinic,
        part=part,
        parts=len(parts),
        answered=mine.answered,
        back=place_in(mine),
        begun=tuple(each.id for each in parts),
        submitted=mine.submitted,
    )


def thanks(session: Session, token: str, *, at: datetime) -> ThanksView:
    """The last page, and when the clinic asks again."""
    visit = visits.of_session(session, token, at=at)
    coming = session.execute(
        select(Assessment.opens_on, Assessment.due_on)
        .where(
            Assessment.patient_id == visit.patient_id,
            Assessment.completed_at.is_(None),
            Assessment.cancelled_at.is_(None),
            Assessment.opens_on > at.astimezone(ZoneInfo(visit.clinic.time_zone)).date(),
        )
        .order_by(Assessment.opens_on)
        .limit(1)
    ).one_or_none()
    return ThanksView(visit.clinic, coming.opens_on if coming else None, coming.due_on if coming else None)


def help_view(session: Session, token: str, part: int, number: int, *, at: datetime) -> HelpView:
    """The help page after an answer that raised an alert. Raises NotFound where there is none."""
    visit = visits.of_session(session, token, at=at)
    mine, rule = battery.rule_at(session, visit, part, number)
    requested = alerting.is_call_requested(session, battery.whose(visit, mine), rule)
    return HelpView(visit.clinic, part, number, after(mine, number), requested)
