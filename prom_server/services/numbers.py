"""Numbers that only one may have, changed for several at a time: of courses, of records."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session

from prom_server.store.courses import Course
from prom_server.store.patients import Patient

APART = 1_000_000  # beyond every number of a course: while some change, no two are ever the same


def swap_numbers(session: Session, *numbered: tuple[Patient, str]) -> None:
    """By way of numbers that nobody has: no two patients of a clinic ever have the same."""
    for row, _number in numbered:
        session.execute(update(Patient).where(Patient.id == row.id).values(record_number=f"~{row.public_id}"))
    for row, number in numbered:
        session.execute(update(Patient).where(Patient.id == row.id).values(record_number=number))
        session.refresh(row)


def place_courses(session: Session, placed: Sequence[tuple[int, int, int]]) -> None:
    """(course, patient, number): in two steps, so that no patient has two of one number in between."""
    ids = [course_id for course_id, _, _ in placed]
    session.execute(update(Course).where(Course.id.in_(ids)).values(number=APART + Course.id))
    for course_id, patient_id, number in placed:
        session.execute(update(Course).where(Course.id == course_id).values(patient_id=patient_id, number=number))
    session.expire_all()
