"""Addresses of several patients at once, each with the consent to write to it: few statements however many they are."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core import contacts
from prom_server.core.contacts import Kind
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit
from prom_server.services.enrolment import FETCH
from prom_server.store.base import opaque_id
from prom_server.store.contact import Channel
from prom_server.store.patients import Patient


def add(session: Session, several: Sequence[tuple[int, Kind, str, bool]], *, by: StaffMember, at: datetime) -> None:
    """(patient, kind, address, consent) of patients who are just being added: the audit line is theirs."""
    require(by, Action.EDIT_PATIENTS)
    normal = [(who, kind, contacts.normal(kind, each), agreed) for who, kind, each, agreed in several]
    if normal:
        _insert(session, normal, by=by, at=at)


def set_several(
    session: Session, several: Sequence[tuple[Patient, Kind, str, bool]], *, by: StaffMember, at: datetime
) -> None:
    """As `contacts.set_address`, of patients whom the caller holds. Of two of one kind the last counts."""
    require(by, Action.EDIT_PATIENTS)
    wanted = {(row.id, kind): (row, contacts.normal(kind, address), agreed) for row, kind, address, agreed in several}
    theirs = (Channel.patient_id.in_({patient_id for patient_id, _kind in wanted}), Channel.withdrawn_at.is_(None))
    held = {(each.patient_id, each.kind): each for each in session.scalars(select(Channel).where(*theirs))}
    new = []
    for (patient_id, kind), (row, address, agreed) in wanted.items():
        old = held.get((patient_id, kind))
        if old is None or old.address != address:
            new.append((patient_id, kind, address, agreed))
        elif agreed and old.stopped_at is None:
            consent(session, row, old, by=by, at=at)
    if not new:
        return
    replaced = {each[:2]: held[each[:2]] for each in new if each[:2] in held}
    ids = [each.id for each in replaced.values()]
    session.execute(update(Channel).where(Channel.id.in_(ids)).values(withdrawn_at=at), execution_options=FETCH)
    _insert(session, new, by=by, at=at)
    for patient_id, kind, address, agreed in new:
        old = replaced.get((patient_id, kind))
        said = f"{kind}: {old.address if old else 'none'} -> {address}\nconsent: {'yes' if agreed else 'no'}"
        audit.record(session, "contact.address", by=by, at=at, patient_id=patient_id, detail=said)


def consent(session: Session, row: Patient, channel: Channel, *, by: StaffMember, at: datetime) -> None:
    """Nothing where it stands already."""
    if channel.consented_at is not None and channel.stopped_at is None:
        return
    facts = {"consented_at": at, "consented_by": by.id}
    session.execute(update(Channel).where(Channel.id == channel.id).values(**facts), execution_options=FETCH)
    # What was recorded of it before, too.
    same = (Channel.patient_id == row.id, Channel.kind == channel.kind, Channel.address == channel.address)
    session.execute(update(Channel).where(*same).values(stopped_at=None), execution_options=FETCH)
    detail = f"{channel.kind}: {channel.address}"
    audit.record(session, "contact.consent", by=by, at=at, patient_id=row.id, detail=detail)


def _insert(session: Session, several: Sequence[tuple[int, Kind, str, bool]], *, by: StaffMember, at: datetime) -> None:
    stops = _stops(session, [(kind, address) for _patient, kind, address, _consent in several])
    rows = [
        {
            "public_id": opaque_id(),
            "clinic_id": by.clinic.id,
            "patient_id": patient_id,
            "kind": kind,
            "address": address,
            "created_at": at,
            "consented_at": at if consent else None,
            "consented_by": by.id if consent else None,
            "stopped_at": stops.get((kind, address)),
        }
        for patient_id, kind, address, consent in several
    ]
    session.execute(insert(Channel), rows)


def _stops(session: Session, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    """When the owner of each of these (kind, address) said STOP, wherever it is or was recorded."""
    these = Channel.address.in_([address for _kind, address in wanted]) & Channel.stopped_at.is_not(None)
    rows = session.scalars(select(Channel).where(Channel.kind.in_(list(Kind)), these))
    return {(each.kind, each.address): each.stopped_at for each in rows if each.stopped_at is not None}
