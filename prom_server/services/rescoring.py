"""Scores computed again under another revision: an explicit act of the operator, with a reason, in the audit trail.

What was answered stays as it is, and so does what it was answered under. New scores are appended and the old ones
superseded, one stretch of administrations at a time; what is under the revision already is passed over, so a second
run, or one after a crash, does only what is left. A part that was asked again and not sent since has the scores of
before: they are computed again from the answers that they counted. Alerts follow answers, not scores: they are not
touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import Refused
from prom_server.core.rescoring import DoesNotFit, Misfit, Rescored, misfits
from prom_server.core.scoring import Score
from prom_server.services import audit, battery, catalogue, pinning, scores
from prom_server.services.pinning import is_pinned
from prom_server.services.scores import Stored
from prom_server.store.assessments import Administration, Assessment

AT_ONCE = 200  # administrations to a transaction: well under a second


class TablesMissing(Refused):
    """The clinic's supplement has not brought the tables of this revision."""


@dataclass(frozen=True, slots=True)
class Act:
    """What the operator asked for."""

    target: Instrument
    reason: str
    decided_by: str
    clinic_id: int | None = None  # None: all


@dataclass(frozen=True, slots=True)
class _Change:
    """One administration under the new revision."""

    row: Administration
    patient_id: int
    before: Sequence[Stored]
    sequence: int  # of the last answer that it counts
    now: tuple[Score, ...]

    @property
    def changed(self) -> int:
        old = {each.score.scale: each.score.value for each in self.before}
        new = {each.scale: each.value for each in self.now}
        return sum(1 for scale in {*old, *new} if old.get(scale) != new.get(scale))


def target(instrument_id: str, revision: int) -> Instrument:
    """The revision to score under, with the clinic's tables. Raises NotFound, TablesMissing."""
    found = catalogue.instrument(instrument_id, revision)
    if not found.has_tables:
        raise TablesMissing(f"{instrument_id}, revision {revision}")
    return found


def administrations(session: Session, act: Act) -> int:
    """How many were sent, scored under this revision already or not."""
    return session.scalar(select(func.count()).select_from(_submitted(act).subquery())) or 0


def preview(session: Session, act: Act, *, after: int = 0, at_most: int = AT_ONCE) -> Rescored | None:
    """What `rescore` would do with the next administrations by id; None after the last one. Writes nothing."""
    rows = session.execute(_submitted(act).where(Administration.id > after).limit(at_most)).all()
    if not rows:
        return None
    changes, wrong = _changes(session, act, rows)
    return _told(rows, changes, wrong)


def rescore(session: Session, act: Act, *, at: datetime, after: int = 0, at_most: int = AT_ONCE) -> Rescored | None:
    """Scores the next administrations by id again; None after the last one. Raises DoesNotFit.

    Their rows are held until the commit: a second operator waits, and then finds nothing left to do.
    """
    these = _submitted(act).where(Administration.id > after).limit(at_most)
    rows = session.execute(these.with_for_update(of=Administration)).all()
    if not rows:
        return None
    changes, wrong = _changes(session, act, rows)
    if wrong:
        raise DoesNotFit(wrong)
    if changes:
        _record(session, act, changes, at=at)
    return _told(rows, changes, wrong)


def _submitted(act: Act) -> Select[Administration, int]:
    """Of the whole instrument, by id. What was entered in error counts nowhere and stays as it is."""
    these = (
        select(Administration, Assessment.patient_id)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .where(
            Administration.instrument_id == act.target.id,
            or_(Administration.submitted_at.is_not(None), Administration.sent_before_at.is_not(None)),
            Administration.in_error_at.is_(None),
        )
        .order_by(Administration.id)
    )
    return these if act.clinic_id is None else these.where(Administration.clinic_id == act.clinic_id)


def _changes(
    session: Session, act: Act, rows: Sequence[Row[Administration, int]]
) -> tuple[list[_Change], tuple[Misfit, ...]]:
    """Those that are not under the revision yet: what becomes of them, or why nothing can."""
    ids = [row.id for row, _ in rows]
    before: dict[int, list[Stored]] = {each: [] for each in ids}
    for each in scores.stored(session, ids):
        before[each.administration_id].append(each)
    left = [(row, patient) for row, patient in rows if not _done(act, before[row.id])]
    responses = battery.responses(session, [row.id for row, _ in left])
    changes, wrong = [], []
    for row, patient in left:
        begun = pinning.begun_with(session, row)
        sequence = _counted(row, before[row.id])
        given = battery.responses_up_to(session, row, sequence, responses[row.id])
        found = [Misfit(row.public_id, begun.revision, each) for each in misfits(begun, act.target, given)]
        wrong.extend(found)
        if not found:
            answers = scores.answers_under(act.target, begun, given)
            now = scores.computed(act.target, answers, was_declined=row.declined_at is not None)
            changes.append(_Change(row, patient, before[row.id], sequence, now))
    return changes, tuple(wrong)


def _counted(row: Administration, before: Sequence[Stored]) -> int:
    """Up to which answer the current scores count; an older server's count all there are."""
    return max((each.sequence for each in before if each.sequence is not None), default=row.sequence)


def _done(act: Act, before: Sequence[Stored]) -> bool:
    return bool(before) and all(is_pinned(act.target, each.pin) for each in before)


def _record(session: Session, act: Act, changes: Sequence[_Change], *, at: datetime) -> None:
    pinning.archive(session, [act.target], at=at)
    scores.supersede(session, [each.row.id for each in changes], at=at)
    scores.append(session, [row for each in changes for row in _rows(each, act.target, at=at)])
    for each in changes:
        _audit(session, act, each, at=at)


def _rows(change: _Change, target: Instrument, *, at: datetime) -> list[dict[str, object]]:
    scored = scores.Scored(change.row.id, change.sequence)
    return scores.rows_of(scored, target, change.now, at=at)


def _audit(session: Session, act: Act, change: _Change, *, at: datetime) -> None:
    before = ", ".join(sorted({str(each.pin.revision) for each in change.before})) or "none"
    audit.record(
        session,
        "score.rescore",
        at=at,
        actor="system",
        clinic_id=change.row.clinic_id,
        patient_id=change.patient_id,
        subject=f"administration:{change.row.public_id}",
        detail=f"{act.target.id}: revision {before} → {act.target.revision}, decided by {act.decided_by}. {act.reason}",
    )


def _told(rows: Sequence[Row[Administration, int]], changes: Sequence[_Change], wrong: tuple[Misfit, ...]) -> Rescored:
    return Rescored(
        last=rows[-1][0].id,
        seen=len(rows),
        administrations=len(changes),
        scores=sum(len(each.now) for each in changes),
        changed=sum(each.changed for each in changes),
        misfits=wrong,
    )
