"""What was answered in one administration, item by item, with its times and what it replaced."""

from collections import defaultdict
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.entry import Who, checked
from prom_server.core.given import Given, GivenAnswer, GivenItem, Way
from prom_server.core.instrument import Item
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.responses import Current, states
from prom_server.core.visit_views import wording
from prom_server.services import audit, corrections, finding, pinning
from prom_server.store.assessments import Administration, Response


def given(session: Session, administration_public_id: str, *, by: StaffMember, at: datetime) -> Given:
    """Every item of the instrument, in its order. Raises NotFound."""
    require(by, Action.SEE_TREND)
    row, patient, line = corrections.viewed(session, administration_public_id, by=by, at=at)
    instrument = pinning.begun_with(session, row)
    saves: dict[str, list[Response]] = defaultdict(list)
    for each in session.scalars(
        select(Response).where(Response.administration_id == row.id).order_by(Response.sequence)
    ):
        saves[each.item_id].append(each)
    current = {item: Current(each[-1].value, each[-1].sequence) for item, each in saves.items()}
    state = states(instrument, current, declined=row.declined_at is not None)
    items = []
    for number, item in enumerate(instrument.items, 1):
        answers = tuple(_answer(row, item, each) for each in saves[item.id])
        now = answers[-1] if answers else None
        items.append(GivenItem(number, wording(item), state[item.id], now, answers[:-1]))
    return Given(finding.ref(patient), line, tuple(items))


def say_who(session: Session, administration_public_id: str, who: Who, *, by: StaffMember, at: datetime) -> None:
    """Staff say who answered and who helped, of any part: on a tablet nobody else can. What was said before is in the
    audit trail. Raises NotFound, AlreadyMarked, RelationNeeded.
    """
    require(by, Action.ENTER_ANSWERS)
    row, _assessment, _course, patient = finding.administration(session, administration_public_id, by=by)
    now = asdict(checked(who))
    changed = {name: (getattr(row, name), value) for name, value in now.items() if getattr(row, name) != value}
    if not changed:
        return
    session.execute(update(Administration).where(Administration.id == row.id).values(**now))
    audit.record(
        session,
        "administration.who",
        by=by,
        at=at,
        patient_id=patient.id,
        subject=f"administration:{administration_public_id}",
        detail="\n".join(f"{name}: {old} -> {new}" for name, (old, new) in changed.items()),
    )


def _answer(row: Administration, item: Item, each: Response) -> GivenAnswer:
    option = item.option(each.value) if each.value is not None else None
    # An older server said it of the whole.
    way = Way(each.mode, each.device_class) if each.mode else Way(row.mode, row.device_class)
    return GivenAnswer(each.value, option.label if option else None, way, each.shown_at, each.answered_at, each.at)
