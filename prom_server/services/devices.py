"""Tablets as the administrator keeps them: registered, renamed, revoked, and how long they wait."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.kiosks import DeviceLine, DeviceNameTaken, DeviceRevoked, DeviceState, SetUpLink, Times
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.tokens import hash_token, new_token
from prom_server.services import audit, finding, kiosks
from prom_server.services.visits import times_of
from prom_server.store.base import opaque_id
from prom_server.store.clinics import Clinic
from prom_server.store.kiosks import Device as DeviceRow
from prom_server.store.staff import Staff

SET_UP_WITHIN = timedelta(hours=24)


def devices(session: Session, *, by: StaffMember) -> tuple[DeviceLine, ...]:
    """Every tablet of the clinic, those in use first."""
    require(by, Action.MANAGE_DEVICES)
    rows = session.execute(
        select(DeviceRow, Staff.name)
        .join(Staff, Staff.id == DeviceRow.created_by)
        .where(DeviceRow.clinic_id == by.clinic.id)
        .order_by(DeviceRow.revoked_at.is_not(None), DeviceRow.name, DeviceRow.id)
    )
    return tuple(_line(row, name) for row, name in rows)


def device(session: Session, public_id: str, *, by: StaffMember) -> DeviceLine:
    """Raises NotFound for another clinic's."""
    row = _mine(session, public_id, by=by, lock=False)
    return _line(row, session.get_one(Staff, row.created_by).name)


def _line(row: DeviceRow, registered_by: str) -> DeviceLine:
    state = DeviceState.LOCKED if row.locked_at else DeviceState.READY
    if row.set_up_until is not None:
        state = DeviceState.NOT_SET_UP
    if row.revoked_at is not None:
        state = DeviceState.REVOKED
    return DeviceLine(
        row.public_id, row.name, row.language, state, row.seen_at, row.created_at, registered_by, row.revoked_at
    )


def register(session: Session, name: str, language: str, *, by: StaffMember, at: datetime) -> SetUpLink:
    """A new tablet, with the one-time link that sets it up. Raises DeviceNameTaken."""
    require(by, Action.MANAGE_DEVICES)
    _check_name(session, name, by=by)
    token, public_id = new_token(), opaque_id()
    session.execute(
        insert(DeviceRow).values(
            public_id=public_id,
            clinic_id=by.clinic.id,
            name=name,
            language=language,
            token_hash=hash_token(token),
            set_up_until=at + SET_UP_WITHIN,
            created_by=by.id,
            created_at=at,
            wrong_codes=0,
        )
    )
    kiosks.record(session, "device.register", public_id, by=by, at=at, detail=f"{name}, {language}")
    return SetUpLink(name, token, at + SET_UP_WITHIN)


def new_set_up_link(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> SetUpLink:
    """For a tablet that lost its credential; whatever browser held it holds nothing now. Raises DeviceRevoked."""
    row = _mine(session, public_id, by=by)
    if row.revoked_at is not None:
        raise DeviceRevoked("revoked")
    token = new_token()
    _change(session, row, token_hash=hash_token(token), set_up_until=at + SET_UP_WITHIN)
    kiosks.let_go(session, row.id, at=at)
    kiosks.record(session, "device.set_up_link", row.public_id, by=by, at=at)
    return SetUpLink(row.name, token, at + SET_UP_WITHIN)


def rename(session: Session, public_id: str, name: str, language: str, *, by: StaffMember, at: datetime) -> None:
    """Raises DeviceNameTaken, DeviceRevoked."""
    row = _mine(session, public_id, by=by)
    if row.revoked_at is not None:
        raise DeviceRevoked("revoked")
    if (row.name, row.language) == (name, language):
        return
    if row.name != name:
        _check_name(session, name, by=by)
    detail = f"{row.name}, {row.language} -> {name}, {language}"
    _change(session, row, name=name, language=language)
    kiosks.record(session, "device.rename", row.public_id, by=by, at=at, detail=detail)


def revoke(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> None:
    """From now on the tablet is nobody's; a patient's session on it ends. A second time changes nothing."""
    row = _mine(session, public_id, by=by)
    if row.revoked_at is None:
        _change(session, row, revoked_at=at)
        kiosks.let_go(session, row.id, at=at)
        kiosks.record(session, "device.revoke", row.public_id, by=by, at=at)


def change_times(session: Session, times: Times, *, by: StaffMember, at: datetime) -> None:
    """How long the clinic's tablets wait. The form has checked the ranges."""
    require(by, Action.MANAGE_DEVICES)
    before = times_of(session.get_one(Clinic, by.clinic.id))
    if before == times:
        return
    session.execute(
        update(Clinic)
        .where(Clinic.id == by.clinic.id)
        .values(kiosk_cover_after=times.cover_after, kiosk_end_after=times.end_after, kiosk_thanks_for=times.thanks_for)
    )
    detail = f"cover, end, thanks: {_seconds(before)} -> {_seconds(times)}"
    audit.record(session, "kiosk.times", by=by, at=at, subject=f"clinic:{by.clinic.public_id}", detail=detail)


def times(session: Session, *, by: StaffMember) -> Times:
    require(by, Action.MANAGE_DEVICES)
    return times_of(session.get_one(Clinic, by.clinic.id))


def _seconds(times: Times) -> str:
    return f"{times.cover_after} {times.end_after} {times.thanks_for} s"


def _check_name(session: Session, name: str, *, by: StaffMember) -> None:
    taken = (DeviceRow.clinic_id == by.clinic.id, DeviceRow.name == name, DeviceRow.revoked_at.is_(None))
    if session.scalar(select(DeviceRow.id).where(*taken).limit(1)) is not None:
        raise DeviceNameTaken(name)


def _mine(session: Session, public_id: str, *, by: StaffMember, lock: bool = True) -> DeviceRow:
    require(by, Action.MANAGE_DEVICES)
    mine = (DeviceRow.clinic_id == by.clinic.id, DeviceRow.public_id == finding.checked(public_id))
    statement = select(DeviceRow).where(*mine)
    row = session.scalars(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFound("no such tablet")
    return row


def _change(session: Session, row: DeviceRow, **values: object) -> None:
    session.execute(update(DeviceRow).where(DeviceRow.id == row.id).values(**values))
