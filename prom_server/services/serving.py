"""Which answers stand for an assessment of another course, or could: everything that the rule asks about, and what
pages show of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from prom_server.core.permissions import Action, ClinicFacts, StaffMember, require
from prom_server.core.satisfying import Elsewhere, SatisfyPage, Sent, Serving, Wanting, chosen
from prom_server.services import audit, catalogue, finding, linked
from prom_server.store.assessments import Administration, Assessment, Satisfaction
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one patient that the rule asks about."""

    rows: Mapping[int, tuple[Assessment, Course]]
    sent: tuple[Sent, ...]
    taken: Mapping[int, frozenset[str]]  # by assessment: instruments that were begun, or are linked
    first_infusions: Mapping[int, datetime]

    def offered(self, assessment_id: int) -> tuple[Sent, ...]:
        row, course = self.rows[assessment_id]
        if row.completed_at is not None:
            return ()
        return chosen(self.sent, self.wanting(row, course), self.first_infusions)

    def wanting(self, row: Assessment, course: Course) -> Wanting:
        protocol = catalogue.protocol_of(course)
        taken = self.taken.get(row.id, frozenset())
        left = tuple(each for each in protocol.battery if each not in taken)
        return Wanting(row.id, course.number, protocol.time_point(row.time_point), finding.window(row), left)


# ---- What pages show


def offers(session: Session, patient: Patient, *, by: StaffMember) -> Mapping[int, int]:
    """By assessment how many of its parts other answers could stand for. One statement for a patient of one course."""
    if patient.stopped:
        return {}
    facts = facts_of(session, patient.id, by.clinic)
    counted = {each: len(facts.offered(each)) for each in facts.rows}
    return {each: number for each, number in counted.items() if number}


def page(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> SatisfyPage:
    """What stands for an assessment, and what could. Raises NotFound."""
    require(by, Action.SEE_PATIENTS)
    row, course, patient = finding.assessment(session, assessment_public_id, by=by)
    subject = f"assessment:{row.public_id}"
    audit.record(session, "assessment.page", by=by, at=at, patient_id=patient.id, subject=subject)
    offered, standing = servings(session, row, patient, by=by)
    return SatisfyPage(
        assessment_id=row.public_id,
        name=_name(row, course),
        course_id=course.public_id,
        course_number=course.number,
        patient=finding.ref(patient),
        due_on=row.due_on,
        offered=offered,
        linked=standing,
    )


def servings(
    session: Session, row: Assessment, patient: Patient, *, by: StaffMember
) -> tuple[tuple[Serving, ...], tuple[Serving, ...]]:
    """What could stand for it, and what does."""
    facts = facts_of(session, patient.id, by.clinic)
    offered = facts.offered(row.id) if row.id in facts.rows and not patient.stopped else ()
    lines = [_serving(each.instrument, each, facts.rows[each.assessment_id]) for each in offered]
    return tuple(lines), _standing(session, row, by=by)


# ---- What there is


def first_infusions(session: Session, patient_id: int) -> Mapping[int, datetime]:
    """When each of a patient's courses began, by its number."""
    rows = session.execute(
        select(Course.number, func.min(Infusion.given_at).label("first"))
        .join(Infusion, Infusion.course_id == Course.id)
        .where(Course.patient_id == patient_id, Infusion.in_error_at.is_(None))
        .group_by(Course.number)
    )
    return {row.number: row.first for row in rows}


def facts_of(session: Session, patient_id: int, clinic: ClinicFacts) -> Facts:
    found: Sequence[Row[Assessment, Course]] = session.execute(
        select(Assessment, Course)
        .join(Course, Course.id == Assessment.course_id)
        .where(Assessment.patient_id == patient_id, Assessment.cancelled_at.is_(None))
        .execution_options(populate_existing=True)
    ).all()
    rows = {row.id: (row, course) for row, course in found}
    if len({course.id for _, course in found}) < 2:
        return Facts(rows, (), {}, {})
    administrations = session.scalars(
        select(Administration).where(Administration.assessment_id.in_(rows), Administration.in_error_at.is_(None))
    ).all()
    by_id = {each.id: each for each in administrations}
    taken: dict[int, set[str]] = defaultdict(set)
    for each in administrations:
        taken[each.assessment_id].add(each.instrument_id)
    for assessment_id, administration_id in linked.pairs(session, rows):
        if administration_id in by_id:
            taken[assessment_id].add(by_id[administration_id].instrument_id)
    return Facts(
        rows,
        tuple(_sent(administrations, rows, clinic)),
        {each: frozenset(instruments) for each, instruments in taken.items()},
        first_infusions(session, patient_id),
    )


def _sent(
    administrations: Iterable[Administration], rows: Mapping[int, tuple[Assessment, Course]], clinic: ClinicFacts
) -> Iterable[Sent]:
    for each in administrations:
        if each.submitted_at is not None and each.declined_at is None:
            yield Sent(
                id=each.id,
                assessment_id=each.assessment_id,
                course=rows[each.assessment_id][1].number,
                instrument=each.instrument_id,
                begun_at=each.started_at,
                at=each.submitted_at,
                on=finding.local_day(each.submitted_at, clinic),
            )


def _standing(session: Session, row: Assessment, *, by: StaffMember) -> tuple[Serving, ...]:
    rows = session.execute(
        select(Administration, Assessment, Course, Satisfaction.linked_at, Staff.name)
        .join(Satisfaction, Satisfaction.administration_id == Administration.id)
        .join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Course, Course.id == Assessment.course_id)
        .outerjoin(Staff, Staff.id == Satisfaction.linked_by)
        .where(Satisfaction.assessment_id == row.id, *linked.STANDS)
        .order_by(Satisfaction.id)
    )
    return tuple(
        Serving(
            instrument=catalogue.instrument(each.instrument_id).short,
            on=finding.local_day(each.submitted_at or each.sent_before_at or each.started_at, by.clinic),
            of=elsewhere(owner, course),
            linked_at=linked_at,
            linked_by=name,
        )
        for each, owner, course, linked_at, name in rows
    )


def elsewhere(row: Assessment, course: Course) -> Elsewhere:
    return Elsewhere(row.public_id, _name(row, course), course.number)


def _serving(instrument_id: str, sent: Sent, of: tuple[Assessment, Course]) -> Serving:
    return Serving(catalogue.instrument(instrument_id).short, sent.on, elsewhere(*of))


def _name(row: Assessment, course: Course) -> str:
    return catalogue.protocol_of(course).time_point(row.time_point).name
