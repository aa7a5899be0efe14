"""A patient answers: item by item, each saved as it is given; each instrument is submitted and scored by itself.

What each of these claims first is in `services.claims`; so stored scores recompute from stored answers.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from prom_server.core.alerts import alerts_of_form, raised_by
from prom_server.core.instrument import Item, ItemAlert
from prom_server.core.refusals import InvalidAnswer, Refused
from prom_server.core.responses import Current, check_value, scored_answers
from prom_server.core.scoring import Score
from prom_server.core.visit import PartState, Place, Visit, after, next_place, next_place_after
from prom_server.core.visit_views import StepView, step_view
from prom_server.services import alerting, audit, battery, claims, satisfying, scores, visits, worsening
from prom_server.services.raising import Answering
from prom_server.store.assessments import Assessment, Response
from prom_server.store.base import table_of

_APPEND = table_of(Response).insert()


class AlreadySubmitted(Refused):
    """The instrument was submitted; its answers stand."""


class NotAskedNow(InvalidAnswer):
    """An item that other answers, changed meanwhile, no longer lead to. Nothing was stored."""


class Unfinished(Refused):
    """An adaptive instrument has an item to ask still. Until its end it is neither reviewed nor submitted."""


class NewerAnswer(Refused):
    """The page is older than the stored answer. Nothing was stored; the patient is shown both and chooses.

    Whoever catches it calls `hear`: what alerts is not kept waiting for the choice, which may never be made.
    """

    def __init__(self, view: StepView, offered: int | None, hear: "Hear | None" = None) -> None:
        super().__init__("newer answer")
        self.view = view
        self.offered = offered
        self.hear = hear


@dataclass(frozen=True, slots=True)
class Hear:
    """An answer to an item with an alert rule, which gave way to a newer one."""

    visit: Visit
    whose: Answering
    rule: ItemAlert
    value: int
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """Where to go after a save, the sequence of the next page, and whether the help page comes first."""

    number: int  # the step that was saved
    place: Place
    sequence: int
    help: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """An answer as a page sent it: for which item, which value (None: skip), and the sequence the page was shown.

    `delay` is how long ago it was given, where the connection was down meanwhile; `shown_for` how long the item was on
    the screen before, and `device` what kind of device that is, as far as the page could tell.
    """

    item_id: str
    value: int | None
    sequence: int
    delay: timedelta = timedelta(0)
    shown_for: timedelta | None = None
    device: str | None = None


def start(session: Session, token: str, *, at: datetime) -> Place:
    """Begins the battery: pins every instrument to its revision of today. A second start changes nothing."""
    visit = visits.of_session(session, token, at=at)
    visits.require_open(visit)
    claims.assessment(session, visit, started_at=at)
    missing = [part for part in battery.load(session, visit) if not part.begun]
    if missing:
        battery.begin(session, visit, missing, at=at)
        _record(session, visit, "assessment.start", at=at)
    visits.touch(session, visit, at=at)
    return next_place(battery.load(session, visit))


def save(session: Session, token: str, part: int, posted: Posted, *, at: datetime) -> Saved:
    """Stores one answer, or None for a skip. Returns only once it is to be committed.

    Raises InvalidAnswer (no such item or option), NotAskedNow, NewerAnswer, AlreadySubmitted, AssessmentClosed,
    SessionOver.
    """
    visit = visits.of_session(session, token, at=at, given_at=at - posted.delay)  # what was on its way is not lost
    return save_in(session, visit, part, posted, at=at)


def save_in(session: Session, visit: Visit, part: int, posted: Posted, *, at: datetime) -> Saved:
    """As `save`, of a visit that is known: the patient's, or one in which staff enter the answers."""
    visits.require_open(visit)
    mine = claims.for_save(session, visit, part, posted.device)
    if mine is None:
        raise AlreadySubmitted(battery.part_at(battery.load(session, visit), part).instrument.id)
    item = _item(mine, posted)
    stored = mine.responses.get(item.id)
    if stored is not None and stored.sequence > posted.sequence:
        if stored.value != posted.value:
            raise NewerAnswer(
                _before_claim(session, visit, mine, item), posted.value, _to_hear(visit, mine, item, posted, at)
            )
        return _saved(mine, item, shows_help=_shows_help(mine, item, posted.value))  # a double click or a retry
    _store(session, visit, mine, item, posted, at=at)
    now = mine.answering(item.id, Current(posted.value, mine.sequence))
    return _saved(now, item, shows_help=_shows_help(mine, item, posted.value))


def _to_hear(visit: Visit, mine: PartState, item: Item, posted: Posted, at: datetime) -> Hear | None:
    rule = mine.instrument.alert_on(item.id)
    if rule is None or posted.value is None:
        return None
    return Hear(visit, battery.whose(visit, mine), rule, posted.value, at - posted.delay)


def hear(session: Session, refused: NewerAnswer, *, at: datetime) -> None:
    """In a transaction of its own: of the refused one nothing stays."""
    if (it := refused.hear) is not None:
        alerting.heard(session, it.whose, it.rule, it.value, answered_at=it.answered_at, at=at)
        _record(session, it.visit, "answer.conflict", at=at, detail=it.rule.rule)


def submit(session: Session, token: str, part: int, *, at: datetime) -> Place:
    """Closes one instrument and scores it, in one transaction. A second submit changes nothing.

    The last one completes the assessment. Raises Unfinished, AssessmentClosed, SessionOver.
    """
    return submit_in(session, visits.of_session(session, token, at=at), part, at=at)


def decline(session: Session, token: str, part: int, *, at: datetime) -> Place:
    """Closes one instrument that the patient would rather not answer. What was answered is kept and never scored.

    Of one that was sent before and asked again, what was sent stands, with its scores: only the asking is declined.
    A second time, or after it was sent, changes nothing. Raises AssessmentClosed, SessionOver.
    """
    return submit_in(session, visits.of_session(session, token, at=at), part, at=at, declined=True)


def submit_in(session: Session, visit: Visit, part: int, *, at: datetime, declined: bool = False) -> Place:
    """As `submit` and `decline`, of a visit that is known."""
    claims.assessment(session, visit)
    if visit.open and claims.for_submit(session, visit, part, at=at, declined=declined):
        parts = battery.load(session, visit)
        mine = battery.part_at(parts, part)
        if mine.adaptive and not mine.ended and not declined:
            raise Unfinished(mine.instrument.id)
        _score(session, visit, mine, at=at, declined=declined)
        if all(each.submitted for each in parts):
            session.execute(update(Assessment).where(Assessment.id == visit.assessment_id).values(completed_at=at))
            satisfying.by_the_rule(session, visit, at=at)
        return next_place_after(parts, part)
    parts = battery.load(session, visit)
    if not battery.part_at(parts, part).submitted:
        raise visits.AssessmentClosed(visit.clinic)
    return next_place_after(parts, part)


def call_me(session: Session, token: str, part: int, number: int, *, at: datetime) -> None:
    """From the help page: the patient asks to be called."""
    visit = visits.of_session(session, token, at=at)
    mine, rule = battery.rule_at(session, visit, part, number)
    alerting.call_requested(session, battery.whose(visit, mine), rule, at=at)
    _record(session, visit, "alert.call_requested", at=at)


def _item(mine: PartState, posted: Posted) -> Item:
    item = mine.instrument.item_by_id.get(posted.item_id)
    if item is None:
        raise InvalidAnswer(f"{mine.instrument.id} has no such item")
    if posted.value is not None:
        check_value(item, posted.value)
    if item not in mine.items:
        raise NotAskedNow(f"{mine.instrument.id} does not ask {item.id} now")
    return item


def _store(session: Session, visit: Visit, mine: PartState, item: Item, posted: Posted, *, at: datetime) -> None:
    value, answered_at = posted.value, at - posted.delay
    row = {
        "administration_id": mine.id,
        "item_id": item.id,
        "sequence": mine.sequence,
        "value": value,
        "mode": visit.mode,
        "device_class": posted.device,
        "shown_at": answered_at - posted.shown_for if posted.shown_for is not None else None,
        "answered_at": answered_at,
        "at": at,
    }
    session.execute(_APPEND, row)
    if rule := mine.instrument.alert_on(item.id):
        whose, before = battery.whose(visit, mine), mine.responses.get(item.id)
        alerting.answered(session, whose, rule, value, answered_at=answered_at, at=at, first=before is None)
        if before is None or (before.value is None) != (value is None):
            alerting.watch(session, mine.id, watched=value is None)
    _record(session, visit, "answer.save", at=at, detail=f"{mine.instrument.id} #{mine.sequence}")
    if visit.stale:
        visits.touch(session, visit, at=at)


def _before_claim(session: Session, visit: Visit, mine: PartState, item: Item) -> StepView:
    """The page that asks. Its claim is taken back with the refusal: it must not show the next save's sequence."""
    before = replace(mine, sequence=mine.sequence - 1)
    parts = tuple(before if each.position == mine.position else each for each in battery.load(session, visit))
    return step_view(visit.clinic, parts, before, mine.items.index(item) + 1)


def _shows_help(mine: PartState, item: Item, value: int | None) -> bool:
    return value is not None and raised_by(mine.instrument, item.id, value) is not None


def _saved(mine: PartState, item: Item, *, shows_help: bool) -> Saved:
    number = mine.items.index(item) + 1
    return Saved(number, after(mine, number), mine.sequence, shows_help)


def _score(session: Session, visit: Visit, mine: PartState, *, at: datetime, declined: bool) -> None:
    found: tuple[Score, ...] = ()
    if not (declined and scores.stored(session, [mine.id])):  # else it was sent before, and those scores stand
        answers = scored_answers(mine.instrument, mine.responses)
        scored = scores.Scored(mine.id, mine.sequence)
        found = scores.record(session, scored, mine.instrument, answers, at=at, was_declined=declined)
    raised = (*alerts_of_form(mine.instrument, mine.responses, found), *worsening.raised(session, visit, mine, found))
    alerting.submitted(session, battery.whose(visit, mine), mine.instrument, raised, at=at)
    action = "administration.decline" if declined else "administration.submit"
    _record(session, visit, action, at=at, detail=mine.instrument.id)
    if visit.entered_by is None:
        visits.touch(session, visit, at=at)


def _record(session: Session, visit: Visit, action: str, *, at: datetime, detail: str | None = None) -> None:
    audit.record(
        session,
        action,
        at=at,
        by=visit.entered_by,
        actor="staff" if visit.entered_by else "patient",
        clinic_id=visit.clinic.id,
        patient_id=visit.patient_id,
        subject=f"assessment:{visit.assessment}",
        detail=detail,
    )
