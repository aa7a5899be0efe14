"""Whether a form that was just submitted is worse than what the same patient answered before: the protocol's rules."""

from decimal import Decimal

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from prom_server.core.alerts import RaisedAlert
from prom_server.core.instrument import Level
from prom_server.core.scoring import Score
from prom_server.core.visit import PartState, Visit
from prom_server.core.worsening import BASELINE, ItemRises, Worsening, rose, worsened
from prom_server.services import scores
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response, Satisfaction


def raised(session: Session, visit: Visit, mine: PartState, found: tuple[Score, ...]) -> tuple[RaisedAlert, ...]:
    """Nothing is asked of the database where the course's protocol has no rule about this instrument."""
    rules = [rule for rule in visit.alerts if rule.instrument == mine.instrument.id]
    of_scales = [rule for rule in rules if isinstance(rule, Worsening)]
    of_items = [rule for rule in rules if isinstance(rule, ItemRises)]
    return (*_worse(session, visit, mine, of_scales, found), *_risen(session, visit, mine, of_items))


def _worse(
    session: Session, visit: Visit, mine: PartState, rules: list[Worsening], found: tuple[Score, ...]
) -> list[RaisedAlert]:
    now = {each.scale: each for each in found if each.value is not None}
    rules = [rule for rule in rules if rule.scale in now]
    before = _baseline(session, visit, mine, [rule.scale for rule in rules]) if rules else {}
    return [
        RaisedAlert(
            rule.rule,
            Level.ALERT,
            scale=rule.scale,
            score=now[rule.scale].value,
            compared_with=before[rule.scale].value,
        )
        for rule in rules
        if rule.scale in before and worsened(rule, mine.instrument, before[rule.scale], now[rule.scale])
    ]


def _baseline(session: Session, visit: Visit, mine: PartState, scales: list[str]) -> dict[str, Score]:
    """The scores of this course's baseline, which may be an administration of an earlier course that serves for it."""
    this, baseline = aliased(Assessment), aliased(Assessment)
    serves = exists().where(
        Satisfaction.assessment_id == baseline.id,
        Satisfaction.administration_id == Administration.id,
        Satisfaction.undone_at.is_(None),
    )
    rows = session.scalars(
        select(RecordedScore)
        .join(Administration, Administration.id == RecordedScore.administration_id)
        .join(this, this.id == visit.assessment_id)
        .join(baseline, baseline.course_id == this.course_id)
        .where(
            baseline.time_point == BASELINE,
            baseline.id != this.id,
            or_(Administration.assessment_id == baseline.id, serves),
            Administration.instrument_id == mine.instrument.id,
            Administration.submitted_at.is_not(None),
            Administration.in_error_at.is_(None),
            RecordedScore.superseded_at.is_(None),
            RecordedScore.scale.in_(scales),
        )
        .order_by(RecordedScore.id)
    )
    return {row.scale: scores.score_of(row) for row in rows}


def _risen(session: Session, visit: Visit, mine: PartState, rules: list[ItemRises]) -> list[RaisedAlert]:
    found = []
    for rule in rules:
        now = mine.responses.get(rule.item)
        value = now.value if now is not None else None
        previous = _previous(session, visit, mine, rule.item) if value else None
        if rose(previous, value):
            before = Decimal(previous) if previous is not None else None
            found.append(RaisedAlert(rule.rule, Level.ALERT, rule.item, value=value, compared_with=before))
    return found


def _previous(session: Session, visit: Visit, mine: PartState, item_id: str) -> int | None:
    """The last value that the patient gave to this item before, in another administration of whichever course."""
    this = aliased(Response)
    given = select(func.max(this.at)).where(this.administration_id == mine.id, this.item_id == item_id)
    return session.scalar(
        select(Response.value)
        .join(Administration, Administration.id == Response.administration_id)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .where(
            Assessment.patient_id == visit.patient_id,
            Administration.instrument_id == mine.instrument.id,
            Administration.id != mine.id,
            Administration.in_error_at.is_(None),
            Response.item_id == item_id,
            Response.at <= given.scalar_subquery(),
            Response.value.is_not(None),
        )
        .order_by(Response.at.desc(), Response.id.desc())
        .limit(1)
    )
