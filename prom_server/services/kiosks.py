"""A tablet of the clinic: set up once, known by a credential that can be revoked and only starts patients' sessions.

Codes are guessed here: an attempt is counted, and committed, before anything is compared.
"""

from datetime import datetime, timedelta

from sqlalchemy import Row, case, null, select, update
from sqlalchemy.orm import Session

from prom_server.core.kiosks import Device, DeviceLocked, SetUpOver
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.tokens import hash_token, new_token
from prom_server.services import audit
from prom_server.services.visits import clinic_facts, times_of
from prom_server.store.clinics import Clinic
from prom_server.store.invitations import PatientSession
from prom_server.store.kiosks import Device as DeviceRow
from prom_server.store.kiosks import Handover

TOUCH_AFTER = timedelta(seconds=60)
WRONG_CODES_ALLOWED = 5
WRONG_WITHIN = timedelta(minutes=10)


def look_at_set_up(session: Session, token: str, *, at: datetime) -> Device:
    """Which tablet a set-up link makes of this browser. Uses nothing up. Raises SetUpOver."""
    row = _by_token(session, token)
    if row is None or row[0].set_up_until is None or row[0].set_up_until <= at:
        raise SetUpOver("set-up link")
    return _facts(row, at=at)


def set_up(session: Session, token: str, *, at: datetime) -> str:
    """Uses the link up and returns the tablet's credential. Raises SetUpOver."""
    device = look_at_set_up(session, token, at=at)
    credential = new_token()
    used = session.scalar(
        update(DeviceRow)
        .where(DeviceRow.token_hash == hash_token(token), DeviceRow.set_up_until > at, DeviceRow.revoked_at.is_(None))
        .values(
            token_hash=hash_token(credential),
            set_up_until=None,
            seen_at=at,
            wrong_codes=0,
            wrong_at=None,
            locked_at=None,
        )
        .returning(DeviceRow.id)
    )
    if used is None:
        raise SetUpOver("set-up link")
    record(session, "device.set_up", device.public_id, clinic_id=device.clinic.id, at=at)
    return credential


def of_credential(session: Session, credential: str | None, *, at: datetime) -> Device | None:
    """The tablet; None for a credential that is unknown, replaced or revoked. A set-up link is no credential."""
    row = _by_token(session, credential) if credential else None
    return None if row is None or row[0].set_up_until is not None else _facts(row, at=at)


def touch(session: Session, device: Device, *, at: datetime) -> None:
    session.execute(update(DeviceRow).where(DeviceRow.id == device.id).values(seen_at=at))


def leave(session: Session, device: Device, *, by: StaffMember, at: datetime) -> None:
    """The browser is a tablet no more: it needs a new set-up link. Raises NotFound for another clinic's."""
    _require_own(device, by=by)
    session.execute(
        update(DeviceRow).where(DeviceRow.id == device.id).values(token_hash=hash_token(new_token()), set_up_until=at)
    )
    let_go(session, device.id, at=at)
    record(session, "device.leave", device.public_id, by=by, at=at)


def unlock(session: Session, device: Device, *, by: StaffMember, at: datetime) -> None:
    """A member of the staff stands before it. Raises NotFound for another clinic's."""
    _require_own(device, by=by)
    values = {"wrong_codes": 0, "wrong_at": None, "locked_at": None}
    session.execute(update(DeviceRow).where(DeviceRow.id == device.id).values(**values))
    record(session, "device.unlock", device.public_id, by=by, at=at)


def _require_own(device: Device, *, by: StaffMember) -> None:
    require(by, Action.LEAVE_KIOSK)
    if device.clinic.id != by.clinic.id:
        raise NotFound("another clinic's tablet")


def count_code(session: Session, device: Device, *, at: datetime) -> None:
    """Counts one attempt at a code. Commit it before `tablet_entry.claim` compares. Raises DeviceLocked.

    In one statement, so that simultaneous guesses are counted too. The count begins anew only after ten minutes
    without a guess, so five within any ten minutes lock; the lock comes first, and a right code takes it away again.
    """
    counted = case((DeviceRow.wrong_at > at - WRONG_WITHIN, DeviceRow.wrong_codes + 1), else_=1)
    found = session.scalar(
        update(DeviceRow)
        .where(DeviceRow.id == device.id, DeviceRow.locked_at.is_(None), DeviceRow.revoked_at.is_(None))
        .values(wrong_codes=counted, wrong_at=at, locked_at=case((counted >= WRONG_CODES_ALLOWED, at), else_=null()))
        .returning(DeviceRow.id)
    )
    if found is None:
        raise DeviceLocked("too many wrong codes")


def after_right_code(session: Session, device: Device) -> None:
    """It was no guess. The other attempts stay counted, so that a right code buys no further ones."""
    left = DeviceRow.wrong_codes - 1
    session.execute(
        update(DeviceRow)
        .where(DeviceRow.id == device.id)
        .values(wrong_codes=left, locked_at=case((left >= WRONG_CODES_ALLOWED, DeviceRow.locked_at), else_=null()))
    )


def after_wrong_code(session: Session, device: Device, *, at: datetime) -> None:
    record(session, "code.wrong", device.public_id, clinic_id=device.clinic.id, at=at)
    locked = session.scalar(select(DeviceRow.locked_at).where(DeviceRow.id == device.id))
    if locked is not None:
        record(session, "device.lock", device.public_id, clinic_id=device.clinic.id, at=at)


def _by_token(session: Session, token: str) -> Row[DeviceRow, Clinic] | None:
    return session.execute(
        select(DeviceRow, Clinic)
        .join(Clinic, Clinic.id == DeviceRow.clinic_id)
        .where(DeviceRow.token_hash == hash_token(token), DeviceRow.revoked_at.is_(None))
    ).one_or_none()


def _facts(row: Row[DeviceRow, Clinic], *, at: datetime) -> Device:
    device, clinic = row
    return Device(
        id=device.id,
        public_id=device.public_id,
        name=device.name,
        language=device.language,
        clinic=clinic_facts(clinic),
        times=times_of(clinic),
        locked=device.locked_at is not None,
        stale=device.seen_at is None or at - device.seen_at > TOUCH_AFTER,
    )


def let_go(session: Session, device_id: int, *, at: datetime) -> None:
    """Nothing waits on the tablet any more, and nobody is answering on it."""
    here = Handover.device_id == device_id
    waiting = (here, Handover.used_at.is_(None), Handover.cancelled_at.is_(None))
    session.execute(update(Handover).where(*waiting).values(cancelled_at=at))
    end_sessions(session, device_id, at=at)


def end_sessions(session: Session, device_id: int, *, but: str = "", at: datetime) -> None:
    """Of whoever answered on the tablet before; `but` is the token of the one that begins. Answers are kept."""
    theirs = PatientSession.handover_id.in_(select(Handover.id).where(Handover.device_id == device_id))
    others = (theirs, PatientSession.ended_at.is_(None), PatientSession.token_hash != hash_token(but))
    session.execute(update(PatientSession).where(*others).values(ended_at=at))


def record(
    session: Session,
    action: str,
    public_id: str,
    *,
    at: datetime,
    by: StaffMember | None = None,
    clinic_id: int | None = None,
    detail: str | None = None,
) -> None:
    actor, subject = "staff" if by else "system", f"device:{public_id}"
    audit.record(session, action, by=by, clinic_id=clinic_id, at=at, actor=actor, subject=subject, detail=detail)
