"""Staff accounts: one-time links, passwords, who may sign in. Also clinics at their beginning."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from prom_server.core.accounts import (
    EmailTaken,
    LastAdministrator,
    LinkUsedUp,
    MixedClinics,
    NewLink,
    NotActive,
    OwnAccount,
    PasswordLinkView,
    StaffLine,
    UnknownTimeZone,
    WeakPassword,
    password_problems,
)
from prom_server.core.permissions import Action, ClinicFacts, Role, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.tokens import hash_token, new_token
from prom_server.services import alert_leaving, audit, finding
from prom_server.services.visits import clinic_facts
from prom_server.store.base import opaque_id
from prom_server.store.clinics import Clinic
from prom_server.store.staff import PasswordLink, Staff, StaffSession

LINK_SERVES = timedelta(hours=72)


# ---- Clinics


def create_clinic(
    session: Session, name: str, time_zone: str, phone: str, hours: str, paper: str, *, demo: bool = False, at: datetime
) -> str:
    """A new clinic; returns its public id. Raises MixedClinics, UnknownTimeZone."""
    check_time_zone(time_zone)
    if session.scalar(select(Clinic.id).where(Clinic.demo.is_(not demo)).limit(1)) is not None:
        raise MixedClinics("demo and real clinics in one database")
    public_id = opaque_id()
    said = {"name": name, "time_zone": time_zone, "phone": phone, "hours": hours, "paper": paper}
    clinic_id = session.execute(
        insert(Clinic).values(public_id=public_id, demo=demo, created_at=at, **said).returning(Clinic.id)
    ).scalar_one()
    audit.record(session, "clinic.create", at=at, clinic_id=clinic_id, actor="system", subject=f"clinic:{public_id}")
    return public_id


def is_empty(session: Session) -> bool:
    """No clinic yet."""
    return session.scalar(select(Clinic.id).limit(1)) is None


def check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise UnknownTimeZone(name) from error


def find_clinic(session: Session, name_or_id: str | None) -> ClinicFacts:
    """By name or public id; without either the only one there is. Raises NotFound."""
    statement = select(Clinic)
    if name_or_id is not None:
        statement = statement.where((Clinic.public_id == name_or_id) | (Clinic.name == name_or_id))
    rows = session.scalars(statement.limit(2)).all()
    if len(rows) != 1:
        raise NotFound("no such clinic, or more than one")
    return clinic_facts(rows[0])


# ---- Staff


def staff_of(session: Session, *, by: StaffMember) -> tuple[StaffLine, ...]:
    require(by, Action.MANAGE_STAFF)
    rows = session.scalars(
        select(Staff).where(Staff.clinic_id == by.clinic.id).order_by(Staff.active.desc(), Staff.name, Staff.id)
    )
    return tuple(line(row) for row in rows)


def line(row: Staff) -> StaffLine:
    has_password, role = row.password_hash is not None, Role(row.role)
    told = (row.alerts_by, row.mobile)
    return StaffLine(row.public_id, row.name, row.email, role, row.active, has_password, row.created_at, *told)


def add_staff(
    session: Session, name: str, email: str, role: Role, *, clinic: ClinicFacts, by: StaffMember | None, at: datetime
) -> NewLink:
    """A new account and its one-time link to set a password. `by` None: the command line. Raises EmailTaken."""
    if by is not None:
        require(by, Action.MANAGE_STAFF)
        clinic = by.clinic
    public_id = opaque_id()
    values = {"clinic_id": clinic.id, "name": name, "email": email.strip().lower(), "role": role, "active": True}
    try:
        with session.begin_nested():
            staff_id = session.execute(
                insert(Staff).values(public_id=public_id, created_at=at, **values).returning(Staff.id)
            ).scalar_one()
    except IntegrityError as error:
        raise EmailTaken("e-mail") from error
    _record(session, "staff.add", public_id, by=by, clinic_id=clinic.id, at=at, detail=str(role))
    return _new_link(session, staff_id, public_id, name, at=at)


def new_password_link(session: Session, staff_public_id: str, *, by: StaffMember, at: datetime) -> NewLink:
    """Replaces earlier links. The old password serves until a new one is set. Raises NotActive."""
    require(by, Action.MANAGE_STAFF)
    staff = mine(session, staff_public_id, by=by)
    if not staff.active:
        raise NotActive("deactivated")
    _record(session, "staff.password_link", staff.public_id, by=by, clinic_id=by.clinic.id, at=at)
    return _new_link(session, staff.id, staff.public_id, staff.name, at=at)


def deactivate(session: Session, staff_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Ends the sessions at once. Raises OwnAccount, LastAdministrator."""
    require(by, Action.MANAGE_STAFF)
    finding.locked_clinic(session, by=by)
    staff = mine(session, staff_public_id, by=by)
    if staff.id == by.id:
        raise OwnAccount("own account")
    keep_an_administrator(session, staff)
    session.execute(update(Staff).where(Staff.id == staff.id).values(active=False))
    alert_leaving.leave(session, staff, by=by, at=at)
    _end_sessions(session, staff.id, at=at)
    _use_up_links(session, staff.id, at=at)
    _record(session, "staff.deactivate", staff.public_id, by=by, clinic_id=by.clinic.id, at=at)


def reactivate(session: Session, staff_public_id: str, *, by: StaffMember, at: datetime) -> NewLink:
    """The account may be used again, after a new password. Of one that is active the password stays."""
    require(by, Action.MANAGE_STAFF)
    staff = mine(session, staff_public_id, by=by)
    gone = (Staff.id == staff.id, Staff.active.is_(False))
    session.execute(update(Staff).where(*gone).values(active=True, password_hash=None))
    _record(session, "staff.reactivate", staff.public_id, by=by, clinic_id=by.clinic.id, at=at)
    return _new_link(session, staff.id, staff.public_id, staff.name, at=at)


def keep_an_administrator(session: Session, leaving: Staff) -> None:
    """With the clinic locked: of two who remove each other one stays, and can sign in. Raises LastAdministrator."""
    others = (Staff.clinic_id == leaving.clinic_id, Staff.id != leaving.id, Staff.active)
    able = (Staff.role == Role.ADMINISTRATOR, Staff.password_hash.is_not(None))
    stays = session.scalar(select(Staff.id).where(*others, *able).limit(1))
    if leaving.role == Role.ADMINISTRATOR and leaving.active and stays is None:
        raise LastAdministrator("the last one")


def mine(session: Session, public_id: str, *, by: StaffMember, lock: bool = False) -> Staff:
    """A person of one's own clinic. Raises NotFound."""
    found = select(Staff).where(Staff.clinic_id == by.clinic.id, Staff.public_id == finding.checked(public_id))
    row = session.scalars(found.with_for_update(key_share=True) if lock else found).one_or_none()
    if row is None:
        raise NotFound("no such person")
    return row


# ---- Passwords


def _new_link(session: Session, staff_id: int, public_id: str, name: str, *, at: datetime) -> NewLink:
    _use_up_links(session, staff_id, at=at)
    token, expires_at = new_token(), at + LINK_SERVES
    session.execute(
        insert(PasswordLink).values(
            token_hash=hash_token(token), staff_id=staff_id, created_at=at, expires_at=expires_at
        )
    )
    return NewLink(public_id, name, token, expires_at)


def password_link(session: Session, token: str, *, at: datetime) -> PasswordLinkView:
    """Whose password a link sets. Uses nothing up. Raises NotFound, LinkUsedUp."""
    row = session.execute(
        select(PasswordLink, Staff, Clinic)
        .join(Staff, Staff.id == PasswordLink.staff_id)
        .join(Clinic, Clinic.id == Staff.clinic_id)
        .where(PasswordLink.token_hash == hash_token(token))
    ).one_or_none()
    if row is None:
        raise NotFound("no such link")
    link, staff, clinic = row
    if link.used_at is not None or link.expires_at <= at or not staff.active:
        raise LinkUsedUp("password link")
    return PasswordLinkView(staff.name, staff.email, clinic.name, clinic.demo, link.expires_at)


def check_password(view: PasswordLinkView, password: str) -> None:
    """Raises WeakPassword. Before hashing, outside the transaction."""
    if problems := password_problems(password, view.name, view.email):
        raise WeakPassword(problems)


def set_password(session: Session, token: str, password_hash: str, *, at: datetime) -> None:
    """Claims the link, so that it serves once. Every browser that is signed in is signed out."""
    live = (PasswordLink.used_at.is_(None), PasswordLink.expires_at > at)
    staff_id = session.scalar(
        update(PasswordLink)
        .where(PasswordLink.token_hash == hash_token(token), *live)
        .values(used_at=at)
        .returning(PasswordLink.staff_id)
    )
    staff = session.scalars(select(Staff).where(Staff.id == staff_id, Staff.active)).one_or_none()
    if staff is None:
        raise LinkUsedUp("password link")
    session.execute(update(Staff).where(Staff.id == staff.id).values(password_hash=password_hash))
    _end_sessions(session, staff.id, at=at)
    _record(session, "staff.set_password", staff.public_id, by=None, clinic_id=staff.clinic_id, at=at)


def _end_sessions(session: Session, staff_id: int, *, at: datetime) -> None:
    mine = (StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None))
    session.execute(update(StaffSession).where(*mine).values(ended_at=at))


def _use_up_links(session: Session, staff_id: int, *, at: datetime) -> None:
    mine = (PasswordLink.staff_id == staff_id, PasswordLink.used_at.is_(None))
    session.execute(update(PasswordLink).where(*mine).values(used_at=at))


def _record(
    session: Session,
    action: str,
    public_id: str,
    *,
    by: StaffMember | None,
    clinic_id: int,
    at: datetime,
    detail: str | None = None,
) -> None:
    actor = "staff" if by else "system"
    subject = f"staff:{public_id}"
    audit.record(session, action, by=by, clinic_id=clinic_id, at=at, actor=actor, subject=subject, detail=detail)
