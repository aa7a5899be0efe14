"""Every stored score is computed again from the stored answers, under the definition it was computed under.

Reads one stretch of administrations after another, each as of one moment: nothing is held, nothing is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.responses import Responses
from prom_server.core.scoring import Reason, Score
from prom_server.core.verification import Checked, Difference, Problem
from prom_server.services import battery, pinning, scores
from prom_server.services.pinning import DefinitionMissing, Pin
from prom_server.services.scores import Stored
from prom_server.store.assessments import Administration

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Computation:
    """What was computed at one moment, from the answers up to a sequence; by scale."""

    pin: Pin
    sequence: int | None
    was_declined: bool
    scores: dict[str, Score]


def administrations(session: Session) -> int:
    """How many there are to check."""
    return session.scalar(select(func.count()).select_from(Administration)) or 0


def check(session: Session, *, after: int = 0, at_most: int = AT_ONCE) -> Checked | None:
    """The next administrations by id, those entered in error too; None after the last one."""
    rows = session.scalars(
        select(Administration).where(Administration.id > after).order_by(Administration.id).limit(at_most)
    ).all()
    if not rows:
        return None
    ids = [row.id for row in rows]
    recorded: dict[int, list[Stored]] = {each: [] for each in ids}
    for each in scores.stored(session, ids, superseded=True):
        recorded[each.administration_id].append(each)
    responses = battery.responses(session, ids)
    differences = [each for row in rows for each in _differences(session, row, recorded[row.id], responses[row.id])]
    return Checked(ids[-1], len(ids), sum(map(len, recorded.values())), tuple(differences))


def _differences(
    session: Session, row: Administration, recorded: Sequence[Stored], responses: Responses
) -> Iterator[Difference]:
    here = Difference(row.public_id, row.instrument_id, row.instrument_revision, Problem.DEFINITION_MISSING)
    try:
        begun = pinning.begun_with(session, row)
    except DefinitionMissing as error:
        yield replace(here, detail=str(error))
        return
    if row.submitted_at is None and row.sent_before_at is None and any(each.current for each in recorded):
        yield replace(here, problem=Problem.NOT_SUBMITTED)
    if row.submitted_at is not None and not any(each.current for each in recorded):
        yield replace(here, problem=Problem.WITHOUT_SCORES)
    for done in _computations(row, recorded):
        answered = battery.responses_up_to(session, row, done.sequence, responses)
        yield from _compared(session, replace(here, revision=done.pin.revision), begun, done, answered)


def _computations(row: Administration, recorded: Sequence[Stored]) -> list[_Computation]:
    """The scores by scale that were computed at one moment under one definition.

    What was superseded may be older than the patient's "I would rather not": it says itself whether it was declined.
    """
    found: dict[tuple[object, ...], _Computation] = {}
    # Where it is not known, the part was not taken up again before the first time that is known.
    first = min((each.sequence for each in recorded if each.sequence is not None), default=None)
    for each in recorded:
        was_declined = row.declined_at is not None if each.current else each.score.reason is Reason.DECLINED
        sequence = first if each.sequence is None else each.sequence
        key = (each.pin, each.computed_at, each.current, sequence)
        done = found.setdefault(key, _Computation(each.pin, sequence, was_declined, {}))
        done.scores[each.score.scale] = each.score
    return list(found.values())


def _compared(
    session: Session,
    here: Difference,
    begun: Instrument,
    done: _Computation,
    responses: Responses,
) -> Iterator[Difference]:
    try:
        target = pinning.instrument(session, done.pin)
        answers = scores.answers_under(target, begun, responses)
        again = {each.scale: each for each in scores.computed(target, answers, was_declined=done.was_declined)}
    except DefinitionMissing as error:
        yield replace(here, detail=str(error))
        return
    except InvalidAnswer as error:
        yield replace(here, problem=Problem.INVALID_ANSWER, detail=str(error))
        return
    for scale in dict.fromkeys((*again, *done.scores)):
        before, now = done.scores.get(scale), again.get(scale)
        if before != now:
            yield replace(here, problem=Problem.DIFFERENT, scale=scale, stored=before, recomputed=now)
