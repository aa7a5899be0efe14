"""How far assessments are: "31 of 58", and how many instruments were submitted.

Of an adaptive instrument m is the most that it asks, until it was submitted: then what it asked was all. One that
was declined had more to ask. Its answers
are counted, not replayed: after a changed answer n may hold one to an item that is no longer led to, but never passes
m.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument
from prom_server.core.schedule import Protocol
from prom_server.services import catalogue, linked, pinning
from prom_server.store.assessments import Administration, Response


@dataclass(frozen=True, slots=True)
class Progress:
    answered: int = 0  # scored items with an answer; a skipped one is none
    submitted: int = 0  # instruments
    declined: int = 0  # of these, those that the patient would rather not answer
    spared: int = 0  # items of the battery that an adaptive instrument had no need to ask
    elsewhere: int = 0  # instruments that were answered for another assessment


NONE = Progress()


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one administration: `answered` of `items`."""

    answered: int
    items: int


def of_assessments(session: Session, assessment_ids: Collection[int]) -> Mapping[int, Progress]:
    """In three statements, whatever their number. An assessment without any administration is absent: see NONE."""
    if not assessment_ids:
        return {}
    elsewhere = linked.pairs(session, assessment_ids)
    own = Administration.assessment_id.in_(assessment_ids)
    whole = or_(own, Administration.id.in_([each for _, each in elsewhere])) if elsewhere else own
    these = and_(whole, Administration.in_error_at.is_(None))
    rows = {row.id: row for row in _administrations(session, these)}
    counted = _counted(session, [*rows.values()], these)
    asked = set(assessment_ids)
    mine = [(row.assessment_id, row.id) for row in rows.values() if row.assessment_id in asked]
    found: dict[int, Progress] = {}
    for assessment_id, administration_id in (*mine, *elsewhere):
        so_far, row = found.get(assessment_id, NONE), rows[administration_id]
        here = row.assessment_id == assessment_id
        found[assessment_id] = _with(so_far, row, *counted[row.id], here=here)
    return found


def _with(so_far: Progress, row: Administration, instrument: Instrument, mine: Counted, *, here: bool) -> Progress:
    return Progress(
        answered=so_far.answered + mine.answered,
        submitted=so_far.submitted + ((row.submitted_at or row.sent_before_at) is not None),
        declined=so_far.declined + (row.declined_at is not None),
        spared=so_far.spared + _most(instrument) - mine.items,
        elsewhere=so_far.elsewhere + (not here),
    )


def of_administrations(session: Session, administration_ids: Collection[int]) -> Mapping[int, Counted]:
    """How many scored items of each have an answer now, and of how many."""
    if not administration_ids:
        return {}
    these = Administration.id.in_(administration_ids)
    return {id_: counted for id_, (_, counted) in _counted(session, _administrations(session, these), these).items()}


def battery_items(protocol: Protocol) -> int:
    """The scored items of a whole battery: the m of "n of m", at most."""
    return sum(_most(catalogue.instrument(each)) for each in protocol.battery)


def _administrations(session: Session, these: ColumnElement[bool]) -> Sequence[Administration]:
    return session.scalars(select(Administration).where(these)).all()


def _counted(
    session: Session, rows: Sequence[Administration], these: ColumnElement[bool]
) -> dict[int, tuple[Instrument, Counted]]:
    given = _given(session, these) if rows else {}
    found = {}
    for row in rows:
        instrument = pinning.begun_with(session, row)
        found[row.id] = instrument, _count(instrument, given.get(row.id, {}), done=_is_done(row))
    return found


def _is_done(row: Administration) -> bool:
    return row.submitted_at is not None and row.declined_at is None


def _count(instrument: Instrument, given: Mapping[str, bool], *, done: bool) -> Counted:
    most = _most(instrument)
    answered = sum(has_value for item, has_value in given.items() if instrument.item_by_id[item].scored)
    skipped = len(given) - answered
    answered = min(answered, most)
    return Counted(answered, answered + skipped if instrument.adaptive and done else most)


def _given(session: Session, these: ColumnElement[bool]) -> Mapping[int, Mapping[str, bool]]:
    """By administration: every item with a current response, and whether that has a value."""
    latest = (
        select(Response.administration_id, func.max(Response.sequence).label("sequence"))
        .join(Administration, Administration.id == Response.administration_id)
        .where(these)
        .group_by(Response.administration_id, Response.item_id)
        .subquery()
    )
    current = and_(latest.c.administration_id == Response.administration_id, latest.c.sequence == Response.sequence)
    found: dict[int, dict[str, bool]] = defaultdict(dict)
    for row in session.execute(
        select(Response.administration_id, Response.item_id, Response.value.is_not(None).label("has_value")).join(
            latest, current
        )
    ):
        found[row.administration_id][row.item_id] = bool(row.has_value)
    return found


def _most(instrument: Instrument) -> int:
    return instrument.adaptive.most if instrument.adaptive else len(instrument.scored_items)
