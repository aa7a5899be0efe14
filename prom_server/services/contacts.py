"""How a patient may be reached: addresses, the consent to write to each, and what staff need to know before they ring.

A patient has one address of each kind. A new one replaces it and needs its own consent; nothing is ever deleted.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core import contacts
from prom_server.core.contacts import (
    ChannelFacts,
    ChannelState,
    ChannelView,
    Contact,
    Kind,
    NoSuchChannel,
    Reach,
    WhyNot,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import addresses, audit, finding
from prom_server.store.contact import Channel
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

# Of several reasons the one that staff can do most about.
_SAID_FIRST = (ChannelState.UNDELIVERABLE, ChannelState.NO_CONSENT, ChannelState.STOPPED)


def reachable(session: Session, patient: Patient) -> Reach:
    """Where a message to the patient goes now, e-mail before SMS; or why none may go."""
    if patient.deceased_on is not None:
        return Reach(None, WhyNot.DECEASED)
    if patient.withdrawn_at is not None:
        return Reach(None, WhyNot.WITHDRAWN)
    if patient.reminders_off_at is not None:
        return Reach(None, WhyNot.OPTED_OUT)
    return _reach(_channels(session, patient.id))


def usable(session: Session, patient: Patient) -> tuple[ChannelFacts, ...]:
    """Every address that a message may go to now, e-mail first; none where `reachable` says why not."""
    if reachable(session, patient).channel is None:
        return ()
    rows = _channels(session, patient.id)
    return tuple(ChannelFacts(row.id, row.kind, row.address) for row in rows if _state(row) is ChannelState.CONSENTED)


def _channels(session: Session, patient_id: int) -> Sequence[Channel]:
    """Those that count, e-mail first."""
    mine = (Channel.patient_id == patient_id, Channel.withdrawn_at.is_(None))
    return session.scalars(select(Channel).where(*mine).order_by(Channel.kind)).all()


def _state(row: Channel) -> ChannelState:
    return contacts.state_of(row.consented_at, row.stopped_at, row.undeliverable_at)


def _reach(rows: Sequence[Channel]) -> Reach:
    states = {_state(row): row for row in reversed(rows)}
    if (row := states.get(ChannelState.CONSENTED)) is not None:
        return Reach(ChannelFacts(row.id, row.kind, row.address))
    reasons = [WhyNot(state) for state in _SAID_FIRST if state in states]
    return Reach(None, reasons[0] if reasons else WhyNot.NO_CHANNEL)


# ---- Staff


def contact(session: Session, public_id: str, *, by: StaffMember, at: datetime, seen: bool = True) -> Contact:
    """How a patient may be reached. `seen` False: the page that shows it writes its own audit line."""
    require(by, Action.SEE_PATIENTS)
    row = finding.patient(session, public_id, by=by)
    if seen:
        audit.record(session, "contact.view", by=by, at=at, patient_id=row.id)
    views = {each.kind: each for each in _views(session, row.id)}
    return Contact(
        patient=finding.ref(row),
        phone=row.phone,
        best_time=row.best_time,
        may_leave_message=row.may_leave_message,
        email=views.get(Kind.EMAIL),
        sms=views.get(Kind.SMS),
        why_not=reachable(session, row).why_not,
        reminders_off_at=row.reminders_off_at,
        withdrawn_at=row.withdrawn_at,
        deceased_on=row.deceased_on,
    )


def _views(session: Session, patient_id: int) -> list[ChannelView]:
    rows = session.execute(
        select(Channel, Staff.name)
        .outerjoin(Staff, Staff.id == Channel.consented_by)
        .where(Channel.patient_id == patient_id, Channel.withdrawn_at.is_(None))
    )
    return [
        ChannelView(
            row.public_id,
            row.kind,
            row.address,
            _state(row),
            row.created_at,
            row.consented_at,
            name,
            row.stopped_at,
            row.undeliverable_at,
            row.undeliverable_reason,
        )
        for row, name in rows
    ]


def set_address(
    session: Session, public_id: str, kind: Kind, address: str, *, consent: bool, by: StaffMember, at: datetime
) -> None:
    """A new address replaces the one before, consent and all. The same one again only records consent, if given.

    A STOP that came from it, whosever it was, still counts: START lifts it, or the patient's word to staff
    (`give_consent`). Raises NotAnEmail, NotAMobile.
    """
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    addresses.set_several(session, [(row, kind, address, consent)], by=by, at=at)


def remove(session: Session, public_id: str, kind: Kind, *, by: StaffMember, at: datetime) -> None:
    """No address of this kind any more. Raises NoSuchChannel."""
    row, channel = _held(session, public_id, kind, by=by)
    session.execute(update(Channel).where(Channel.id == channel.id).values(withdrawn_at=at))
    detail = f"{kind}: {channel.address} -> none"
    audit.record(session, "contact.remove", by=by, at=at, patient_id=row.id, detail=detail)


def give_consent(session: Session, public_id: str, kind: Kind, *, by: StaffMember, at: datetime) -> None:
    """The patient agrees to messages at the address that stands; after STOP too. Raises NoSuchChannel."""
    row, channel = _held(session, public_id, kind, by=by)
    addresses.consent(session, row, channel, by=by, at=at)


def withdraw_consent(session: Session, public_id: str, kind: Kind, *, by: StaffMember, at: datetime) -> None:
    """The address is kept, and not written to. Raises NoSuchChannel."""
    row, channel = _held(session, public_id, kind, by=by)
    if channel.consented_at is None:
        return
    session.execute(update(Channel).where(Channel.id == channel.id).values(consented_at=None, consented_by=None))
    detail = f"{channel.kind}: {channel.address}"
    audit.record(session, "contact.no_consent", by=by, at=at, patient_id=row.id, detail=detail)


def try_again(session: Session, public_id: str, kind: Kind, *, by: StaffMember, at: datetime) -> None:
    """The patient says that an undeliverable address is right. Raises NoSuchChannel."""
    row, channel = _held(session, public_id, kind, by=by)
    if channel.undeliverable_at is None:
        return
    known = update(Channel).where(Channel.id == channel.id)
    session.execute(known.values(undeliverable_at=None, undeliverable_reason=None))
    detail = f"{channel.kind}: {channel.address}, was {channel.undeliverable_reason}"
    audit.record(session, "contact.try_again", by=by, at=at, patient_id=row.id, detail=detail)


def set_calls(
    session: Session,
    public_id: str,
    best_time: str | None,
    may_leave_message: bool | None,
    *,
    by: StaffMember,
    at: datetime,
) -> None:
    """What whoever rings needs to know."""
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    old = {"best_time": row.best_time, "may_leave_message": row.may_leave_message}
    new = {"best_time": best_time or None, "may_leave_message": may_leave_message}
    if old == new:
        return
    session.execute(update(Patient).where(Patient.id == row.id).values(**new))
    detail = "\n".join(f"{name}: {old[name]} -> {new[name]}" for name in new if old[name] != new[name])
    audit.record(session, "contact.calls", by=by, at=at, patient_id=row.id, detail=detail)


def _of_kind(session: Session, row: Patient, kind: Kind) -> Channel | None:
    mine = (Channel.patient_id == row.id, Channel.kind == kind, Channel.withdrawn_at.is_(None))
    return session.scalars(select(Channel).where(*mine)).one_or_none()


def _held(session: Session, public_id: str, kind: Kind, *, by: StaffMember) -> tuple[Patient, Channel]:
    require(by, Action.EDIT_PATIENTS)
    row = finding.patient(session, public_id, by=by, lock=True)
    channel = _of_kind(session, row, kind)
    if channel is None:
        raise NoSuchChannel(kind)
    return row, channel
