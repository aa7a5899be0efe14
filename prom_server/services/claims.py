"""Claims: a row that one act takes and holds until its commit. Another act on it waits, and then sees what came of it.

A save claims its administration, and with it a sequence of its own. A submit claims the assessment first and then the
administration, as does everything else that concerns more than one of its parts; else two acts could wait for each
other. So no two saves share a sequence, and a submitted administration takes no more answers.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, case, func, literal, null, update
from sqlalchemy.orm import Session

from prom_server.core.visit import PartState, Visit
from prom_server.services import battery
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.base import table_of

_saved = table_of(Administration)
_ENTERED = ("relation", "assisted_by", "entered_by", "written_on")  # of what staff enter


def _first_answer() -> dict[str, ColumnElement[Any]]:
    """With a patient's first answer it is settled how the part is answered, whoever had begun it in another way."""
    first = _saved.c.sequence == 0
    settled = {"mode": bindparam("mode", type_=String), "respondent": literal("patient")} | dict.fromkeys(
        _ENTERED, null()
    )
    return {name: case((first, value), else_=_saved.c[name]) for name, value in settled.items()}


_SAVE = (
    update(_saved)
    .where(
        _saved.c.assessment_id == bindparam("mine"),
        _saved.c.position == bindparam("part"),
        _saved.c.in_error_at.is_(None),
        _saved.c.submitted_at.is_(None),
    )
    .values(
        sequence=_saved.c.sequence + 1,
        device_class=func.coalesce(_saved.c.device_class, bindparam("device", type_=String)),
    )
    .returning(*(_saved.c[name] for name in battery.FACTS))
)
_SAVE_OWN = _SAVE.values(**_first_answer())


def assessment(session: Session, visit: Visit, *, started_at: datetime | None = None) -> None:
    """`started_at` is kept if nothing was begun before."""
    begun = func.coalesce(Assessment.started_at, started_at) if started_at else Assessment.started_at
    session.execute(update(Assessment).where(Assessment.id == visit.assessment_id).values(started_at=begun))


def for_save(session: Session, visit: Visit, part: int, device: str | None) -> PartState | None:
    """The part with its next sequence, which is the save's; None where it was submitted, or is not there.

    The device of its first answer is kept with it.
    """
    save, how = (_SAVE, {}) if visit.entered_by else (_SAVE_OWN, {"mode": visit.mode})
    given = {"mine": visit.assessment_id, "part": part, "device": device} | how
    claimed = session.execute(save, given).one_or_none()
    return battery.begun(session, claimed) if claimed is not None else None


def for_submit(session: Session, visit: Visit, part: int, *, at: datetime, declined: bool) -> bool:
    """Closes an administration; one that was sent before and is declined when asked again stands as it was sent.

    False when it was closed before, or is not there.
    """
    closed = session.scalar(
        update(Administration)
        .where(
            Administration.assessment_id == visit.assessment_id,
            Administration.position == part,
            Administration.in_error_at.is_(None),
            Administration.submitted_at.is_(None),
        )
        .values(watched=False, **(_declined(at) if declined else {"submitted_at": at, "declined_at": None}))
        .returning(Administration.id)
    )
    return closed is not None


def _declined(at: datetime) -> dict[str, ColumnElement[Any]]:
    before = Administration.sent_before_at
    return {"submitted_at": func.coalesce(before, at), "declined_at": case((before.is_(None), at), else_=null())}
