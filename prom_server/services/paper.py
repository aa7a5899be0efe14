"""A paper form typed by staff: in one pass, or in two that are compared before the part is sent."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from prom_server.core.entry import Difference, Mode, PaperView, answered_on_paper, asked, differences
from prom_server.core.permissions import StaffMember
from prom_server.core.visit import PartState
from prom_server.services import alerting, answering, battery, entry, visits
from prom_server.services.answering import AlreadySubmitted, NotAskedNow, Posted
from prom_server.services.entry import Begun


def form(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> PaperView:
    """The form of one paper questionnaire. Raises NotFound, AssessmentClosed, AlreadySubmitted."""
    begun = entry.found(session, public_id, Mode.PAPER, by=by, at=at)
    visits.require_open(begun.visit, unless=begun.mine.submitted)
    if begun.mine.submitted:
        raise AlreadySubmitted(begun.mine.instrument.id)
    entry.record(session, public_id, begun.patient, "entry.view", by=by, at=at)
    again = begun.row.sent_before_at is not None
    return PaperView(
        entering=begun.entering,
        items=begun.mine.instrument.items,
        begun=bool(begun.mine.responses) and not again,
        before=_typed_before(begun.mine) if again else None,
    )


def _typed_before(part: PartState) -> tuple[int | None, ...]:
    return tuple(part.responses[item.id].value if item.id in part.responses else None for item in part.instrument.items)


def second_pass(
    session: Session, public_id: str, answers: Mapping[str, int | None], *, by: StaffMember, at: datetime
) -> tuple[Difference, ...]:
    """What the second pass says otherwise than what the first one stored. Stores no answer; what alerts, alerts now."""
    begun = entry.found(session, public_id, Mode.PAPER, by=by, at=at, lock=True)
    visits.require_open(begun.visit, unless=begun.mine.submitted)
    if begun.mine.submitted:
        return ()
    _alert(session, begun, answers, at=at)
    return differences(begun.mine.instrument, begun.mine.responses, answers)


def _alert(session: Session, begun: Begun, answers: Mapping[str, int | None], *, at: datetime) -> None:
    """A patient who may be at risk does not wait until the two passes are settled."""
    mine, answered_at = begun.mine, at - _delay(begun, at)
    for rule in mine.instrument.alerts:
        value, stored = answers.get(rule.item), mine.responses.get(rule.item)
        if value is not None and value >= rule.at_least and value > ((stored and stored.value) or 0):
            alerting.answered(session, battery.whose(begun.visit, mine), rule, value, answered_at=answered_at, at=at)


def store_paper(
    session: Session,
    public_id: str,
    answers: Mapping[str, int | None],
    sequence: int,
    *,
    send: bool,
    by: StaffMember,
    at: datetime,
) -> int | None:
    """Stores the answers of a paper form, one save each, and sends the part; None stands for a blank.

    Not sent is the first of two passes: what needs somebody now is an alert already then. Returns the number of the
    item that raised one. A second time changes nothing. Raises NotAskedNow, EnteredMeanwhile, AssessmentClosed.
    """
    begun = entry.found(session, public_id, Mode.PAPER, by=by, at=at, lock=True)
    visits.require_open(begun.visit, unless=begun.mine.submitted)
    if begun.mine.submitted:
        return None
    asks = asked(begun.mine.instrument, answers)
    needs_somebody = None
    for item_id, value in _to_store(begun, answers, asks):
        saved = entry.save(session, begun, Posted(item_id, value, sequence, delay=_delay(begun, at)), at=at)
        needs_somebody = saved.number if saved.help else needs_somebody
    if send:
        answering.submit_in(session, begun.visit, begun.mine.position, at=at)
    return needs_somebody


def _to_store(begun: Begun, answers: Mapping[str, int | None], asks: frozenset[str]) -> list[tuple[str, int | None]]:
    """In the order of the form, what is not stored like that already. Raises NotAskedNow."""
    changed = []
    for item in begun.mine.instrument.items:
        value, stored = answers.get(item.id), begun.mine.responses.get(item.id)
        if item.id not in asks and value is not None:
            raise NotAskedNow(item.id)
        if item.id in asks and (stored is None or stored.value != value):
            changed.append((item.id, value))
    return changed


def _delay(begun: Begun, at: datetime) -> timedelta:
    written_on = begun.row.written_on
    return at - answered_on_paper(written_on, begun.visit.clinic.time_zone, at) if written_on else timedelta(0)
