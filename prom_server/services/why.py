"""Why an assessment stands where it stands: facts, dates, messages sent and not sent, who touched it."""

from datetime import date, datetime

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from prom_server.core import reminders
from prom_server.core.courses import WAITING, AssessmentView
from prom_server.core.messages import MessageLine
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.replanning import anchor_day
from prom_server.core.schedule import Status
from prom_server.core.why import LinkLine, Reckoning, ReminderLine, ReminderState, Touch, Why, reminder_states
from prom_server.services import audit, calling, catalogue, contacts, finding, outbox, planning, progress, serving
from prom_server.services.course_views import assessment_view
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.courses import Course
from prom_server.store.imports import Merge
from prom_server.store.invitations import Invitation
from prom_server.store.outbox import Message, Reminder
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

LISTED = 100  # lines of the trail
ANSWER_SAVED = "answer.save"
COURSE_STEPS = ("course.plan", "course.move", "course.finish", "course.reopen", "course.cancel")
STILL = WAITING | {Status.SCHEDULED}


def why(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> Why:
    """The page of one assessment. Raises NotFound."""
    require(by, Action.SEE_PATIENTS)
    row, course, patient = finding.assessment(session, assessment_public_id, by=by)
    subject = f"assessment:{row.public_id}"
    audit.record(session, "assessment.why", by=by, at=at, patient_id=patient.id, subject=subject)
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    done = progress.of_assessments(session, [row.id]).get(row.id, progress.NONE)
    view = assessment_view(row, protocol, done, by=by, at=at)
    messages = _messages(session, row, by=by, at=at)
    covered = _covered(session, row)
    mine = {each.message_id for each in covered.values()}
    saved, trail = _trail(session, row, course, patient)
    offered, standing = serving.servings(session, row, patient, by=by)
    return Why(
        patient=finding.ref(patient),
        course_id=course.public_id,
        course_number=course.number,
        assessment=view,
        reckoning=_reckoning(session, course, row.time_point, by=by),
        started_at=row.started_at,
        cancelled_at=row.cancelled_at,
        declined_at=row.declined_at,
        declined_reason=row.declined_reason,
        reopened_at=row.reopened_at,
        reopened_reason=row.reopened_reason,
        reminders=_reminders(row, course, patient, view, covered, messages, today=finding.local_day(at, by.clinic)),
        why_not=contacts.reachable(session, patient).why_not if view.status in STILL else None,
        other_messages=tuple(line for number, line in messages.items() if number not in mine),
        links=_links(session, row),
        calls=calling.about(session, row),
        trail=trail,
        answers_saved=saved,
        offered=offered,
        linked=standing,
    )


def _reckoning(session: Session, course: Course, time_point: str, *, by: StaffMember) -> Reckoning:
    facts = planning.facts(session, course, by=by)
    anchor = facts.protocol.time_point(time_point).anchor
    return Reckoning(facts.protocol.name, facts.protocol.revision, anchor, anchor_day(facts, anchor))


# ---- Messages


def _messages(session: Session, row: Assessment, *, by: StaffMember, at: datetime) -> dict[int, MessageLine]:
    """Those that remind of it or carry its link, in order."""
    reminding = select(Reminder.message_id).where(Reminder.assessment_id == row.id)
    mine = or_(Message.id.in_(reminding), Message.assessment_id == row.id)
    return outbox.lines(session, mine, by=by, at=at)


def _covered(session: Session, row: Assessment) -> dict[tuple[str, int], Reminder]:
    rows = session.scalars(select(Reminder).where(Reminder.assessment_id == row.id))
    return {(each.kind, each.nth): each for each in rows}


def _reminders(
    row: Assessment,
    course: Course,
    patient: Patient,
    view: AssessmentView,
    covered: dict[tuple[str, int], Reminder],
    messages: dict[int, MessageLine],
    *,
    today: date,
) -> tuple[ReminderLine, ...]:
    rules = catalogue.protocol(course.protocol_id, course.protocol_revision).reminders
    wanted = (
        row.declined_at is None and row.reopened_at is None and patient.reminders_off_at is None and not patient.stopped
    )
    planned = reminders.planned(finding.window(row), rules)
    days = [each.on for each in planned if each.id not in covered]
    states = dict(zip(days, reminder_states(days, today, waits=view.status in STILL and wanted), strict=True))
    return tuple(_line(each, covered.get(each.id), messages, states.get(each.on)) for each in planned)


def _line(
    due: reminders.Due, known: Reminder | None, messages: dict[int, MessageLine], otherwise: ReminderState | None
) -> ReminderLine:
    if known is None:
        return ReminderLine(due.kind, due.nth, due.on, otherwise or ReminderState.NOT_NEEDED)
    if known.message_id is None:
        return ReminderLine(due.kind, due.nth, due.on, ReminderState.PASSED_OVER, known.passed_over)
    message = messages.get(known.message_id)
    return ReminderLine(due.kind, due.nth, due.on, ReminderState.MESSAGE, message=message)


def _links(session: Session, row: Assessment) -> tuple[LinkLine, ...]:
    rows = session.execute(
        select(Invitation, Staff.name)
        .outerjoin(Staff, Staff.id == Invitation.created_by)
        .where(Invitation.assessment_id == row.id)
        .order_by(Invitation.id)
    )
    return tuple(LinkLine(link.created_at, name, link.opened_at, link.superseded_at) for link, name in rows)


# ---- Who touched it


def _trail(session: Session, row: Assessment, course: Course, patient: Patient) -> tuple[int, tuple[Touch, ...]]:
    """How many answers were saved, and the other lines of the audit: of it, of its parts, and of what planned it."""
    parts = session.scalars(select(Administration.public_id).where(Administration.assessment_id == row.id))
    subjects = [f"assessment:{row.public_id}", *(f"administration:{each}" for each in parts)]
    mine = AuditEntry.subject.in_(subjects)
    planned = (AuditEntry.subject == f"course:{course.public_id}") & AuditEntry.action.in_(COURSE_STEPS)
    records = select(literal(patient.id, Patient.id.type).label("id")).cte(recursive=True)
    records = records.union(select(Merge.gone_id).where(Merge.kept_id == records.c.id))
    of_patient = AuditEntry.patient_id.in_(select(records.c.id))  # what was done before a merge names the other record
    saved = session.scalar(
        select(func.count()).select_from(AuditEntry).where(of_patient, mine, AuditEntry.action == ANSWER_SAVED)
    )
    rows = session.execute(
        select(AuditEntry, Staff.name)
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(of_patient, mine | planned, AuditEntry.action != ANSWER_SAVED)
        .order_by(AuditEntry.id.desc())
        .limit(LISTED)
    )
    trail = tuple(Touch(line.at, line.action, line.actor, name, _detail(line, row)) for line, name in rows)
    return saved or 0, trail


def _detail(line: AuditEntry, row: Assessment) -> str | None:
    """Of a plan only what it says about this time point."""
    if line.action not in COURSE_STEPS or line.detail is None:
        return line.detail
    said = [each for each in line.detail.splitlines() if each.startswith(f"{row.time_point}:")]
    return "\n".join(said) or None
