"""New alerts and flags, and the first message to staff about them: one transaction, and few statements in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.alerts import RaisedAlert
from prom_server.core.instrument import Level
from prom_server.services import alert_messages, escalating
from prom_server.services.alert_messages import Alerted
from prom_server.store.alerts import Alert
from prom_server.store.base import opaque_id


@dataclass(frozen=True, slots=True)
class Answering:
    """Whose answer it is, and how it was given."""

    clinic_id: int
    patient_id: int
    administration_id: int
    mode: str = "own_device"


def raise_all(session: Session, whose: Answering, raised: Sequence[RaisedAlert], *, at: datetime) -> dict[str, int]:
    """Rule -> alert, of those that were not there yet; whoever takes them is told. One of a rule, whoever is first.

    An alert is kept even where telling fails: then it escalates at once.
    """
    new = None
    if any(each.level is Level.ALERT for each in raised):
        new = escalating.whatever_comes(session, lambda: _raise_and_tell(session, whose, raised, at=at))
    return _insert(session, whose, raised, at=at)[0] if new is None else new


def _raise_and_tell(
    session: Session, whose: Answering, raised: Sequence[RaisedAlert], *, at: datetime
) -> dict[str, int]:
    arranged = alert_messages.arrangements(session, whose.clinic_id, at=at)
    owner, until = arranged.on_call, arranged.escalates_at(at, whose.mode)
    new, public_ids = _insert(session, whose, raised, at=at, owner=owner, until=until)
    for each in raised:
        if each.level is Level.ALERT and each.rule in new:
            alerted = Alerted(new[each.rule], public_ids[each.rule], whose.clinic_id, owner, 0)
            alert_messages.notify(session, alerted, arranged, at=at)
    return new


def _insert(
    session: Session,
    whose: Answering,
    raised: Sequence[RaisedAlert],
    *,
    at: datetime,
    owner: int | None = None,
    until: datetime | None = None,
) -> tuple[dict[str, int], dict[str, str]]:
    """Rule -> alert, and its public id. Without `until` it escalates at once: nobody could be told."""
    rows = [_row(whose, each, at=at, owner=owner, until=until or at) for each in raised]
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new = dialect.insert(Alert).values(rows).on_conflict_do_nothing(index_elements=["administration_id", "rule"])
    found = session.execute(new.returning(Alert.rule, Alert.id, Alert.public_id)).all()
    return {row.rule: row.id for row in found}, {row.rule: row.public_id for row in found}


def _row(
    whose: Answering, raised: RaisedAlert, *, at: datetime, owner: int | None, until: datetime
) -> dict[str, object]:
    urgent = raised.level is Level.ALERT  # a flag waits for the next contact
    return {
        "owner_id": owner if urgent else None,
        "escalates_at": until if urgent else None,
        "public_id": opaque_id(),
        "clinic_id": whose.clinic_id,
        "patient_id": whose.patient_id,
        "administration_id": whose.administration_id,
        "rule": raised.rule,
        "level": raised.level,
        "item_id": raised.item,
        "value": raised.value,
        "scale_id": raised.scale,
        "score": raised.score,
        "compared_with": raised.compared_with,
        "raised_at": at,
        "escalations": 0,
    }
