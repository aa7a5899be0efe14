"""Whether what is stored is whole: scores recompute from answers, nothing is doubled, nothing is half there."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.responses import Current, scored_answers
from prom_server.core.scoring import score
from prom_server.services import pinning
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response


def differences(session: Session) -> list[str]:
    """One sentence for each administration that is not whole."""
    found = []
    for row in session.scalars(select(Administration)):
        instrument = pinning.begun_with(session, row)
        stored = [
            (each.scale, each.status, each.raw, each.value, each.answered)
            for each in session.scalars(
                select(RecordedScore)
                .where(RecordedScore.administration_id == row.id, RecordedScore.superseded_at.is_(None))
                .order_by(RecordedScore.id)
            )
        ]
        expected = []
        if row.submitted_at is not None:
            answers = scored_answers(instrument, current(session, row.id))
            expected = [
                (each.scale, each.status, each.raw, each.value, each.answered) for each in score(instrument, answers)
            ]
        if stored != expected:
            found.append(f"{row.instrument_id} {row.id}: {stored} is not {expected}")
    return found + _incomplete(session)


def current(session: Session, administration_id: int) -> dict[str, Current]:
    rows = session.scalars(
        select(Response).where(Response.administration_id == administration_id).order_by(Response.sequence)
    )
    return {row.item_id: Current(row.value, row.sequence) for row in rows}


def _incomplete(session: Session) -> list[str]:
    """An assessment is complete exactly when every part was submitted."""
    found = []
    for assessment in session.scalars(select(Assessment).where(Assessment.started_at.is_not(None))):
        open_parts = session.scalars(
            select(Administration.id).where(
                Administration.assessment_id == assessment.id, Administration.submitted_at.is_(None)
            )
        ).all()
        if bool(open_parts) == (assessment.completed_at is not None):
            found.append(f"assessment {assessment.id}: completed_at and its parts disagree")
    return found
