"""Care as staff see it, and in counts with their denominators."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.adverse_events import EventView
from prom_server.core.care import (
    AttendanceView,
    CareSummary,
    CareView,
    CoursePage,
    InfusionPage,
    Line,
    NoteView,
    OtherCareKind,
    OtherCareView,
    SideEffectKind,
    asked_counts,
    checklist,
)
from prom_server.core.courses import CourseView
from prom_server.core.mme import daily_dose
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.vital_signs import Measured
from prom_server.services import adverse_events, audit, course_views, finding, infusions, opioid_doses, side_effects
from prom_server.store.care import Attendance, CourseNote, OtherCare, SideEffect, VitalSign
from prom_server.store.courses import Course, Infusion
from prom_server.store.staff import Staff


def care_view(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> CareView:
    """The page that shows it writes the audit line."""
    require(by, Action.SEE_PATIENTS)
    course, patient = finding.course(session, course_public_id, by=by)
    doses = opioid_doses.history(session, patient.id, by=by)
    return CareView(
        course_id=course.public_id,
        course_number=course.number,
        patient=finding.ref(patient),
        dose=daily_dose(doses, finding.local_day(at, by.clinic)),
        doses=doses,
        sessions=_sessions(session, course),
        other_care=_other_care(session, course),
        notes=_notes(session, course),
    )


def care_page(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> CareView:
    require(by, Action.MANAGE_COURSES)
    course, patient = finding.course(session, course_public_id, by=by)
    subject = f"course:{course.public_id}"
    audit.record(session, "care.view", by=by, at=at, patient_id=patient.id, subject=subject)
    return care_view(session, course_public_id, by=by, at=at)


def infusion_page(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> InfusionPage:
    require(by, Action.MANAGE_COURSES)
    infusion, course, patient = infusions.find(session, public_id, by=by)
    infusions.record(session, "infusion.view", infusion, course, by=by, at=at)
    return InfusionPage(
        course_id=course.public_id,
        course_number=course.number,
        patient=finding.ref(patient),
        infusion=infusions.infusion_view(infusion, session.get_one(Staff, infusion.recorded_by).name, by=by),
        side_effects=checklist(SideEffectKind, side_effects.asked(session, infusion.id)),
        vital_signs=_vital_signs(session, infusion.id),
        events=adverse_events.of_course(session, course.id, by=by, infusion_id=infusion.id),
    )


def course_page(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> CoursePage:
    course = course_views.course_view(session, course_public_id, by=by, at=at)
    care = care_view(session, course_public_id, by=by, at=at)
    events = _events(session, course, by=by)
    return CoursePage(course, care, events, _summary(session, course, events))


def summary(session: Session, course_public_id: str, *, by: StaffMember, at: datetime) -> CareSummary:
    """One course in counts, for reports of outcomes."""
    require(by, Action.SEE_PATIENTS)
    row, patient = finding.course(session, course_public_id, by=by)
    course = course_views.view_of(session, patient, row, by=by, at=at)
    return _summary(session, course, _events(session, course, by=by))


def _summary(session: Session, course: CourseView, events: Sequence[EventView]) -> CareSummary:
    answers, given = _answers(session, course), course.given
    standing = [each for each in events if not each.in_error]
    return CareSummary(
        days=course.counts,
        checklists=sum(bool(answers[each.public_id]) for each in given),
        side_effects=tuple(
            asked_counts(kind, [answers[each.public_id].get(kind) for each in given]) for kind in SideEffectKind
        ),
        ondansetron=asked_counts("ondansetron", [each.details.ondansetron for each in given]),
        events=len(standing),
        counted_events=sum(each.counted for each in standing),
    )


def _events(session: Session, course: CourseView, *, by: StaffMember) -> tuple[EventView, ...]:
    row, _patient = finding.course(session, course.public_id, by=by)
    return adverse_events.of_course(session, row.id, by=by)


def _answers(session: Session, course: CourseView) -> dict[str, dict[str, bool]]:
    """By infusion, then by kind of side effect: only what was asked."""
    rows = session.execute(
        select(Infusion.public_id, SideEffect.kind, SideEffect.present)
        .join(Infusion, Infusion.id == SideEffect.infusion_id)
        .where(Infusion.public_id.in_([each.public_id for each in course.given]))
    )
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for infusion, kind, present in rows:
        found[infusion][kind] = present
    return found


def _vital_signs(session: Session, infusion_id: int) -> tuple[Measured, ...]:
    """By moment, in order; what was marked in error apart from what was measured again at the same time."""
    rows = session.execute(
        select(VitalSign, Staff.name)
        .join(Staff, Staff.id == VitalSign.recorded_by)
        .where(VitalSign.infusion_id == infusion_id)
        .order_by(VitalSign.measured_at, VitalSign.id)
    ).all()
    moments: dict[tuple[datetime, datetime | None], list[tuple[VitalSign, str]]] = defaultdict(list)
    for row, name in rows:
        moments[row.measured_at, row.in_error_at].append((row, name))
    return tuple(
        Measured(
            each[0][0].public_id, at, {row.kind: row.value for row, _ in each}, each[0][1], in_error_at is not None
        )
        for (at, in_error_at), each in moments.items()
    )


def _sessions(session: Session, course: Course) -> tuple[AttendanceView, ...]:
    rows = session.execute(
        select(Attendance, Staff.name)
        .join(Staff, Staff.id == Attendance.recorded_by)
        .where(Attendance.course_id == course.id)
        .order_by(Attendance.on.desc(), Attendance.id.desc())
    )
    return tuple(
        AttendanceView(each.public_id, each.on, each.kind, each.attended, name, each.in_error_at is not None)
        for each, name in rows
    )


def _other_care(session: Session, course: Course) -> tuple[OtherCareView, ...]:
    """A view for each day on which something was asked, the last first."""
    rows = session.execute(
        select(OtherCare, Staff.name)
        .join(Staff, Staff.id == OtherCare.asked_by)
        .where(OtherCare.course_id == course.id)
        .order_by(OtherCare.asked_on.desc(), OtherCare.asked_at)
    )
    asked: dict[date, dict[str, Line]] = defaultdict(dict)
    names: dict[date, str] = {}
    for each, name in rows:
        asked[each.asked_on][each.kind] = Line(each.kind, each.received, each.note)
        names[each.asked_on] = name
    return tuple(OtherCareView(on, checklist(OtherCareKind, lines), names[on]) for on, lines in asked.items())


def _notes(session: Session, course: Course) -> tuple[NoteView, ...]:
    rows = session.execute(
        select(CourseNote, Staff.name)
        .join(Staff, Staff.id == CourseNote.written_by)
        .where(CourseNote.course_id == course.id)
        .order_by(CourseNote.written_at.desc(), CourseNote.id.desc())
    )
    return tuple(
        NoteView(each.public_id, each.text, name, each.written_at, bool(each.in_error_at)) for each, name in rows
    )
