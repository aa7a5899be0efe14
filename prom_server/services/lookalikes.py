"""Patients of the clinic whom the lines of a file may mean: many at a time, in a few statements."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.core.enrolment import PatientDetails, names_alike
from prom_server.core.import_file import NewPatient
from prom_server.core.imports import FieldChange, Like
from prom_server.core.permissions import StaffMember
from prom_server.services import finding
from prom_server.services.enrolment import COMPARED
from prom_server.store.contact import Channel
from prom_server.store.patients import Patient

FIELDS: tuple[str, ...] = ("record_number", "given_name", "family_name", "birth_date", "phone", "language")
FIELDS += ("address", "emergency_contact")


@dataclass(frozen=True, slots=True)
class Lookalike:
    patient: Patient
    how: Like


def find(session: Session, lines: Mapping[int, PatientDetails], *, by: StaffMember) -> dict[int, Lookalike]:
    """By line: who has the record number, else who was born on the same day with a like name."""
    numbered = numbers(session, [each.record_number for each in lines.values()], by=by)
    found = {
        line: Lookalike(numbered[each.record_number], Like.NUMBER)
        for line, each in lines.items()
        if each.record_number in numbered
    }
    others = {line: each for line, each in lines.items() if line not in found}
    return found | _named(session, others, by=by)


def numbers(session: Session, wanted: Iterable[str], *, by: StaffMember) -> dict[str, Patient]:
    """By record number; for a record that was merged into another, that one."""
    mine = (Patient.clinic_id == by.clinic.id, Patient.record_number.in_(set(wanted)))
    rows = session.scalars(select(Patient).where(*mine)).all()
    return {row.record_number: finding.kept(session, row) for row in rows}


def _named(session: Session, lines: Mapping[int, PatientDetails], *, by: StaffMember) -> dict[int, Lookalike]:
    born: dict[date, list[tuple[int, str, str]]] = defaultdict(list)
    mine = (Patient.clinic_id == by.clinic.id, Patient.merged_into_id.is_(None))
    days = {each.birth_date for each in lines.values()}
    columns = (Patient.birth_date, Patient.id, Patient.family_name, Patient.given_name)
    statement = select(*columns).where(*mine, Patient.birth_date.in_(days)).order_by(Patient.sort_name, Patient.id)
    for day, id_, family, given in session.execute(statement) if days else ():
        if len(born[day]) < COMPARED:
            born[day].append((id_, family, given))
    alike = {
        line: id_
        for line, each in lines.items()
        for id_, family, given in reversed(born[each.birth_date])  # so that the first of them stands
        if names_alike(each.family_name, each.given_name, family, given)
    }
    rows = session.scalars(select(Patient).where(Patient.id.in_(set(alike.values())))).all() if alike else []
    by_id = {row.id: row for row in rows}
    return {line: Lookalike(by_id[id_], Like.NAME) for line, id_ in alike.items()}


def said(session: Session, row: Patient, new: NewPatient, cells: Mapping[str, str]) -> dict[str, Any]:
    """What the line says of a patient who is there: a cell without anything says nothing.

    The record number stays where it is that of a record which was merged into this one.
    """
    values = {name: getattr(new.details, name) for name in FIELDS if cells.get(name)}
    number = values.get("record_number")
    if number != row.record_number and _taken(session, row, str(number)):
        del values["record_number"]
    return values


def _taken(session: Session, row: Patient, number: str) -> bool:
    statement = select(Patient.id).where(Patient.clinic_id == row.clinic_id, Patient.record_number == number)
    return session.scalar(statement) is not None


def changes(session: Session, row: Patient, new: NewPatient, cells: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """What an update would change."""
    channels = session.scalars(
        select(Channel).where(Channel.patient_id == row.id, Channel.withdrawn_at.is_(None))
    ).all()
    now: dict[str, Any] = {name: getattr(row, name) for name in FIELDS}
    now |= {_column(each.kind): each.address for each in channels}
    now |= {f"{each.kind}_consent": "yes" for each in channels if each.consented_at and not each.stopped_at}
    wanted = said(session, row, new, cells)
    both = (("email", new.email, new.email_consent), ("sms", new.mobile, new.sms_consent))
    for kind, address, consent in both:
        if address is not None:
            wanted[_column(kind)] = address
            wanted |= {f"{kind}_consent": "yes"} if consent else {}
            now |= {f"{kind}_consent": None} if now.get(_column(kind)) != address else {}
    return tuple(
        FieldChange(name, _text(now.get(name)), _text(value))
        for name, value in wanted.items()
        if now.get(name) != value
    )


def _column(kind: str) -> str:
    return "email" if kind == Kind.EMAIL else "mobile"


def _text(value: object) -> str | None:
    return None if value is None else str(value)
