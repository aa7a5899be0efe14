"""Staff sign in and out. Hashing is slow on purpose, so it happens between transactions, never inside one.

A sign-in is three steps of the edge: `look_up` (counts the attempt, commits), `verify` (hashes), then `record_sign_in`
or `record_failure`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.accounts import Attempt, SignedIn, TooManyAttempts, Verified
from prom_server.core.alert_desk import OpenAlerts
from prom_server.core.permissions import Role, StaffMember
from prom_server.core.tokens import hash_token, new_token
from prom_server.services import alert_desk, audit
from prom_server.services.visits import clinic_facts
from prom_server.store.clinics import Clinic
from prom_server.store.staff import SignInFailure, Staff, StaffSession

IDLE = timedelta(minutes=15)
AT_MOST = timedelta(hours=12)
TOUCH_AFTER = timedelta(seconds=60)
LIMIT_WITHIN = timedelta(minutes=15)
TRIES_PER_NAME = 5
TRIES_PER_ADDRESS = 20
ON_EVERY_PAGE = 5  # alerts
HASHINGS_AT_ONCE = 4

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turn = threading.BoundedSemaphore(HASHINGS_AT_ONCE)


def ping(session: Session) -> None:
    """Whether the database answers."""
    session.execute(select(1))


def any_demo(session: Session) -> bool:
    """Whether this database holds demo clinics: then pages before the sign-in say so too."""
    return session.scalar(select(Clinic.id).where(Clinic.demo).limit(1)) is not None


# ---- The signed-in browser


def of_session(session: Session, token: str, *, at: datetime) -> SignedIn | None:
    """Who is signed in with this token, and the open alerts; None when it ended, idled out or the person left."""
    row = session.execute(
        select(StaffSession, Staff, Clinic)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .join(Clinic, Clinic.id == Staff.clinic_id)
        .where(StaffSession.token_hash == hash_token(token), StaffSession.ended_at.is_(None), Staff.active)
    ).one_or_none()
    if row is None:
        return None
    mine, staff, clinic = row
    if at - mine.seen_at > IDLE or at - mine.created_at > AT_MOST:
        return None
    by = member(staff, clinic)
    return SignedIn(by, mine.id, _open_alerts(session, by), at - mine.seen_at > TOUCH_AFTER)


def _open_alerts(session: Session, by: StaffMember) -> OpenAlerts:
    return alert_desk.heading(session, by=by, limit=ON_EVERY_PAGE)


def touch(session: Session, signed_in: SignedIn, *, at: datetime) -> None:
    session.execute(update(StaffSession).where(StaffSession.id == signed_in.session_id).values(seen_at=at))


def sign_out(session: Session, token: str, *, by: StaffMember, at: datetime) -> None:
    mine = StaffSession.token_hash == hash_token(token)
    session.execute(update(StaffSession).where(mine, StaffSession.ended_at.is_(None)).values(ended_at=at))
    audit.record(session, "staff.sign_out", by=by, at=at)


def member(staff: Staff, clinic: Clinic) -> StaffMember:
    return StaffMember(staff.id, staff.public_id, staff.name, Role(staff.role), clinic_facts(clinic))


# ---- Signing in


def look_up(session: Session, email: str, address: str, *, at: datetime) -> Attempt:
    """Counts a sign-in before anything is compared. Raises TooManyAttempts. Commit before `verify`."""
    name = email.strip().lower()
    staff = session.scalars(select(Staff).where(Staff.email == name).with_for_update(key_share=True)).one_or_none()
    keys = {_key("name", name): TRIES_PER_NAME, _key("address", address): TRIES_PER_ADDRESS}
    session.execute(delete(SignInFailure).where(SignInFailure.at <= at - LIMIT_WITHIN))
    for key, allowed in keys.items():
        if _failures(session, key) >= allowed:
            raise TooManyAttempts("sign-in")
    counted = [_count(session, key, at=at) for key in keys]
    known = staff is not None and staff.active and staff.password_hash is not None
    return Attempt(
        staff_id=staff.id if staff and known else None,
        password_hash=staff.password_hash if staff and staff.password_hash and known else _stand_in(),
        name_key=next(iter(keys)),
        counted=tuple(counted),
    )


def _key(kind: str, value: str) -> str:
    return hash_token(f"{kind}:{value}")


def _failures(session: Session, key: str) -> int:
    return session.execute(select(func.count()).where(SignInFailure.key == key)).scalar_one()


def _count(session: Session, key: str, *, at: datetime) -> int:
    return session.execute(insert(SignInFailure).values(key=key, at=at).returning(SignInFailure.id)).scalar_one()


def verify(attempt: Attempt, password: str) -> Verified:
    """Compares, as slowly for an unknown name as for a known one. Touches no database."""
    with _hashing():
        try:
            _hasher.verify(attempt.password_hash, password)
        except (VerificationError, InvalidHashError):
            return Verified(right=False)
        if attempt.staff_id is None:
            return Verified(right=False)
        old = _hasher.check_needs_rehash(attempt.password_hash)
        return Verified(right=True, new_hash=_hasher.hash(password) if old else None)


def record_sign_in(session: Session, attempt: Attempt, verified: Verified, *, at: datetime) -> str | None:
    """Opens a new session and returns its token; None when the person was deactivated in the meantime."""
    row = _still_as_compared(session, attempt)
    if row is None or not verified.right:
        return None
    staff, clinic = row
    if verified.new_hash:
        session.execute(update(Staff).where(Staff.id == staff.id).values(password_hash=verified.new_hash))
    forgiven = (SignInFailure.key == attempt.name_key) | SignInFailure.id.in_(attempt.counted)
    session.execute(delete(SignInFailure).where(forgiven))
    token = new_token()
    session.execute(
        insert(StaffSession).values(token_hash=hash_token(token), staff_id=staff.id, created_at=at, seen_at=at)
    )
    audit.record(session, "staff.sign_in", by=member(staff, clinic), at=at)
    return token


def _still_as_compared(session: Session, attempt: Attempt) -> Row[Staff, Clinic] | None:
    return session.execute(
        select(Staff, Clinic)
        .join(Clinic, Clinic.id == Staff.clinic_id)
        .where(Staff.id == attempt.staff_id, Staff.active, Staff.password_hash == attempt.password_hash)
    ).one_or_none()


def record_failure(session: Session, attempt: Attempt, *, at: datetime) -> None:
    """A wrong sign-in in the audit; of an unknown name nothing is kept but that it happened."""
    clinic_id, staff_public_id = None, None
    if attempt.staff_id is not None:
        found = session.execute(select(Staff.clinic_id, Staff.public_id).where(Staff.id == attempt.staff_id)).one()
        clinic_id, staff_public_id = found.clinic_id, f"staff:{found.public_id}"
    audit.record(session, "staff.sign_in_failed", at=at, clinic_id=clinic_id, actor="system", subject=staff_public_id)


# ---- Hashing


def hash_password(password: str) -> str:
    """Argon2id. Takes tens of milliseconds: call it outside transactions."""
    with _hashing():
        return _hasher.hash(password)


@contextmanager
def _hashing() -> Iterator[None]:
    with _turn:
        yield


@cache
def _stand_in() -> str:
    """What an unknown name is compared with."""
    return _hasher.hash(new_token())
