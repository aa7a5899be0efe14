"""Recorded scores: written once at the submission, never changed; a re-scoring supersedes them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument, Metric
from prom_server.core.responses import Responses, scored_answers
from prom_server.core.scoring import Answers, Reason, Score, Status, declined, score
from prom_server.services.pinning import Pin, pin_in
from prom_server.store.assessments import Administration, RecordedScore


@dataclass(frozen=True, slots=True)
class Stored:
    """A score as it stands in the database, with what it was computed under."""

    id: int
    administration_id: int
    pin: Pin
    score: Score
    computed_at: datetime | None  # None: at the submission
    current: bool  # not superseded
    sequence: int | None  # of the last answer that it counts; None: of all there are


@dataclass(frozen=True, slots=True)
class Scored:
    """Which administration is scored, up to which of its answers."""

    administration_id: int
    sequence: int


def computed(instrument: Instrument, answers: Answers, *, was_declined: bool) -> tuple[Score, ...]:
    """Every scale; none has a value where the patient declined the questionnaire. Raises InvalidAnswer."""
    found = score(instrument, answers)
    return declined(found) if was_declined else found


def record(
    session: Session,
    scored: Scored,
    instrument: Instrument,
    answers: Answers,
    *,
    at: datetime,
    was_declined: bool = False,
) -> tuple[Score, ...]:
    """Computes and appends every scale of one administration; of one asked again, in place of those from before.

    Raises InvalidAnswer.
    """
    supersede(session, [scored.administration_id], at=at)
    found = computed(instrument, answers, was_declined=was_declined)
    append(session, rows_of(scored, instrument, found, at=at))
    return found


def supersede(session: Session, administration_ids: Collection[int], *, at: datetime) -> None:
    """What was computed before stays, and is no longer current."""
    these = (RecordedScore.administration_id.in_(administration_ids), RecordedScore.superseded_at.is_(None))
    session.execute(update(RecordedScore).where(*these).values(superseded_at=at))


def append(session: Session, rows: list[dict[str, object]]) -> None:
    session.execute(insert(RecordedScore), rows)


def rows_of(
    scored: Scored, instrument: Instrument, scores: Iterable[Score], *, at: datetime
) -> list[dict[str, object]]:
    """Rows that say under which definition, when, and from which answers they were computed."""
    facts = {
        "administration_id": scored.administration_id,
        "sequence": scored.sequence,
        "instrument_revision": instrument.revision,
        "content_hash": instrument.content_hash,
        "supplement_hash": instrument.supplement_hash,
        "computed_at": at,
    }
    return [facts | _values(each) for each in scores]


def _values(each: Score) -> dict[str, object]:
    return {
        "scale": each.scale,
        "metric": each.metric,
        "status": each.status,
        "raw": each.raw,
        "value": each.value,
        "se": each.se,
        "answered": each.answered,
        "items": each.items,
        "band": each.band,
        "reason": each.reason,
    }


def stored(session: Session, administration_ids: Collection[int], *, superseded: bool = False) -> list[Stored]:
    """The current scores of these administrations, in the order in which they were written; or all there ever were."""
    these = (
        select(RecordedScore, Administration)
        .join(Administration, Administration.id == RecordedScore.administration_id)
        .where(RecordedScore.administration_id.in_(administration_ids))
        .order_by(RecordedScore.id)
    )
    if not superseded:
        these = these.where(RecordedScore.superseded_at.is_(None))
    return [_stored(row, administration) for row, administration in session.execute(these)]


def _stored(row: RecordedScore, administration: Administration) -> Stored:
    pin = pin_in(administration)
    if row.instrument_revision is not None and row.content_hash is not None:
        pin = Pin(pin.instrument_id, row.instrument_revision, row.content_hash, row.supplement_hash)
    current = row.superseded_at is None
    return Stored(row.id, administration.id, pin, score_of(row), row.computed_at, current, row.sequence)


def score_of(row: RecordedScore) -> Score:
    return Score(
        scale=row.scale,
        metric=Metric(row.metric),
        status=Status(row.status),
        raw=row.raw,
        value=row.value,
        se=row.se,
        answered=row.answered,
        items=row.items,
        band=row.band,
        reason=Reason(row.reason) if row.reason else None,
    )


def answers_under(target: Instrument, begun: Instrument, responses: Responses) -> dict[str, int | None]:
    """What `target` scores of the answers that were given under `begun`.

    Of an adaptive instrument what was asked then, whatever another revision would have asked.
    """
    return scored_answers(begun if target.adaptive else target, responses)
