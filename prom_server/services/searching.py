"""Patients are found: by name, record number or birth date, or by what there is to do about them.

Every condition is a range of an index, and a page begins where the last one ended; so the cost of a page grows neither
with the number of patients nor with the number of those found. Records that were merged into another are not listed.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, or_, select, tuple_, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from prom_server.core.enrolment import PatientFilter, PatientLine, PatientsPage, age_on, folded
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, finding
from prom_server.store.contact import Channel
from prom_server.store.courses import Course
from prom_server.store.patients import Patient

PER_PAGE = 25
MORE = PER_PAGE + 1  # one more than is shown tells whether there is a next page
BEYOND = chr(0x10FFFF)  # after every other character: the end of a prefix's range
MOST_WORDS = 6
BY_NAME = (Patient.sort_name, Patient.id)


def search(
    session: Session,
    query: str = "",
    *,
    born: date | None = None,
    only: PatientFilter = PatientFilter.ALL,
    after: str | None = None,
    by: StaffMember,
    at: datetime,
) -> PatientsPage:
    """Patients by the beginning of the name or record number, or by birth date; all of them for an empty query.

    With `only` there is no query: the list is what it says.
    """
    require(by, Action.SEE_PATIENTS)
    last = finding.patient(session, after, by=by) if after is not None else None
    if only is not PatientFilter.ALL:
        rows = _filtered(session, only, last, by=by)
    elif born is not None:
        rows = _read(session, _after(_mine(by).where(Patient.birth_date == born), last))
    else:
        rows = _queried(session, query, last, by=by)
    audit.record(session, "patients.list", by=by, at=at)
    today = finding.local_day(at, by.clinic)
    lines = tuple(_line(row, today) for row in rows[:PER_PAGE])
    return PatientsPage(lines, rows[PER_PAGE - 1].public_id if len(rows) > PER_PAGE else None)


def _line(row: Patient, today: date) -> PatientLine:
    return PatientLine(
        finding.ref(row),
        f"{row.family_name}, {row.given_name}",
        row.birth_date,
        age_on(row.birth_date, today),
        row.locked_at is not None,
        row.withdrawn_at is not None,
        row.deceased_on is not None,
    )


def _mine(by: StaffMember) -> Select[Patient]:
    return select(Patient).where(Patient.clinic_id == by.clinic.id, Patient.merged_into_id.is_(None))


def _read(session: Session, statement: Select[Patient]) -> Sequence[Patient]:
    return session.scalars(statement.limit(MORE)).all()


def _after(statement: Select[Patient], last: Patient | None) -> Select[Patient]:
    """By name, after a patient. Only an opaque id travels in the address, never the name that orders the list."""
    if last is not None:
        statement = statement.where(tuple_(*BY_NAME) > (last.sort_name, last.id))
    return statement.order_by(*BY_NAME)


# ---- By what was typed


def _queried(session: Session, query: str, last: Patient | None, *, by: StaffMember) -> Sequence[Patient]:
    number = " ".join(query.upper().split())
    if not number:
        return _read(session, _after(_mine(by), last))
    if any(each.isdigit() for each in number):
        found = _numbered(session, number, last, by=by)
        if found is not None:
            return found
    branches = [_branch(family, given, last, by=by) for family, given in _readings(query) if family]
    # A record number without figures is only found whole: the beginning of one would be half the patients.
    branches.append(_after(_mine(by).where(Patient.record_number == number), last).limit(MORE))
    each_first = [select(branch.with_only_columns(Patient.id).subquery().c.id) for branch in branches]
    return _read(session, select(Patient).where(Patient.id.in_(union(*each_first))).order_by(*BY_NAME))


def _numbered(session: Session, number: str, last: Patient | None, *, by: StaffMember) -> Sequence[Patient] | None:
    """By record number, in its order; None where none begins so, and something else is meant."""
    if last is not None and not last.record_number.startswith(number):
        return None
    first = Patient.record_number > last.record_number if last is not None else Patient.record_number >= number
    within = (first, Patient.record_number < number + BEYOND)
    rows = _read(session, _mine(by).where(*within).order_by(Patient.record_number))
    return rows if rows or last is not None else None


def _readings(query: str) -> list[tuple[str, str]]:
    """(family, given) as the words may be meant: "Specimen", "Specimen, Rosa", "Rosa Specimen", "Rosa van der Berg"."""
    family, comma, given = query.partition(",")
    if comma:
        return [(folded(family), folded(given))]
    words = folded(query).split()[:MOST_WORDS]
    splits = [(" ".join(words[i:]), " ".join(words[:i])) for i in range(1, len(words))]
    return [(" ".join(words), ""), *splits] if words else []


def _branch(family: str, given: str, last: Patient | None, *, by: StaffMember) -> Select[Patient]:
    """The first of one reading, in the order of the list."""
    statement = _mine(by).where(_from(Patient.sort_name, family, last), Patient.sort_name < family + BEYOND)
    if given:
        # The given name is compared inside the sort name, where it is folded: "specimen, rosa".
        escaped = given.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(Patient.sort_name.like(f"%, {escaped}%", escape="\\"))
    return statement.order_by(*BY_NAME).limit(MORE)


def _from(column: InstrumentedAttribute[str], prefix: str, last: Patient | None) -> ColumnElement[bool]:
    """Where the range begins: at the prefix, or after the last of the page before. One bound, so that it is used."""
    if last is None or last.sort_name < prefix:
        return column >= prefix
    return tuple_(*BY_NAME) > (last.sort_name, last.id)


# ---- By what there is to do


def _filtered(session: Session, only: PatientFilter, last: Patient | None, *, by: StaffMember) -> Sequence[Patient]:
    if only is PatientFilter.IN_COURSE:
        return _in_course(session, last, by=by)
    if only is PatientFilter.UNDELIVERABLE:
        return _undeliverable(session, last, by=by)
    stopped = or_(Patient.withdrawn_at.is_not(None), Patient.deceased_on.is_not(None))
    return _read(session, _after(_mine(by).where(stopped), last))


def _in_course(session: Session, last: Patient | None, *, by: StaffMember) -> Sequence[Patient]:
    order = (Course.starts_on, Course.id)
    unfinished = Course.finished_at.is_(None)
    before: ColumnElement[bool] = Course.starts_on <= date.max  # says nothing, but that the index by day is the one
    if last is not None:
        theirs = select(*order).where(unfinished, Course.patient_id == last.id).order_by(*order).limit(1)
        if (place := session.execute(theirs).one_or_none()) is not None:
            before = tuple_(*order) < tuple(place)
    statement = select(Patient).join(Course, Course.patient_id == Patient.id)
    statement = statement.where(Course.clinic_id == by.clinic.id, unfinished, before, Patient.merged_into_id.is_(None))
    return _read(session, statement.order_by(*(each.desc() for each in order)))


def _undeliverable(session: Session, last: Patient | None, *, by: StaffMember) -> Sequence[Patient]:
    statement = select(Channel.patient_id).where(
        Channel.clinic_id == by.clinic.id, Channel.undeliverable_at.is_not(None), Channel.withdrawn_at.is_(None)
    )
    if last is not None:
        statement = statement.where(Channel.patient_id > last.id)
    some = statement.distinct().order_by(Channel.patient_id).limit(MORE).subquery()
    theirs = Patient.id.in_(select(some.c.patient_id))
    return _read(session, select(Patient).where(theirs, Patient.merged_into_id.is_(None)).order_by(Patient.id))
