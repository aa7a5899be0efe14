"""What staff see while they enter answers: the parts to choose from, one question, the review, what to do now."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.entry import EntryView, How, Mode, PartLine, QuestionView, StayView
from prom_server.core.instrument import Level
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.responses import most_items
from prom_server.core.visit import PartState, place_in
from prom_server.core.visit_views import ReviewView, review_view, step_view
from prom_server.services import audit, battery, catalogue, entry, finding, visits
from prom_server.services.answering import AlreadySubmitted, NotAskedNow, Unfinished
from prom_server.services.entry import Begun
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration


def choices(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> EntryView:
    """The parts of one assessment, and how each stands."""
    require(by, Action.ENTER_ANSWERS)
    assessment, course, patient = finding.assessment(session, assessment_public_id, by=by)
    visit = entry.visit_of(assessment, course, patient, by=by, at=at)
    rows = session.scalars(
        select(Administration)
        .where(Administration.assessment_id == assessment.id, Administration.in_error_at.is_(None))
        .order_by(Administration.started_at, Administration.position)
    ).all()
    subject = f"assessment:{assessment_public_id}"
    audit.record(session, "entry.view", by=by, at=at, patient_id=patient.id, subject=subject)
    entered = [how for row in rows if (how := _how(row)) is not None]
    return EntryView(
        patient=finding.ref(patient),
        assessment_id=assessment_public_id,
        assessment=catalogue.protocol(course.protocol_id, course.protocol_revision)
        .time_point(assessment.time_point)
        .name,
        course_id=course.public_id,
        course_number=course.number,
        opens_on=assessment.opens_on,
        open=visit.open,
        parts=_lines(battery.load(session, visit), {row.position: row for row in rows}),
        last=entered[-1] if entered else None,
    )


def _lines(parts: tuple[PartState, ...], rows: dict[int, Administration]) -> tuple[PartLine, ...]:
    return tuple(
        PartLine(
            position=part.position,
            name=part.instrument.short,
            items=most_items(part.instrument),
            adaptive=part.adaptive,
            sent=part.submitted,
            declined=row is not None and row.declined_at is not None,
            answered=part.answered,
            mode=row.mode if row is not None and part.responses else None,
            how=_how(row) if row is not None and part.responses else None,
            elsewhere=part.elsewhere,
        )
        for part in parts
        for row in [rows.get(part.position)]
    )


def _how(row: Administration) -> How | None:
    return entry.how_of(row) if row.mode in list(Mode) else None


def question(
    session: Session, public_id: str, number: int | None = None, *, by: StaffMember, at: datetime
) -> QuestionView | None:
    """One item of a telephone interview, by default the one to go on with; None when every item is done.

    Raises NotFound, AssessmentClosed, AlreadySubmitted, NotAskedNow.
    """
    begun = _open(session, public_id, by=by, at=at)
    number = number or place_in(begun.mine).step
    if number == 0:
        return None
    if number > len(begun.mine.instrument.items):
        raise NotFound("no such item")
    if number > len(begun.mine.items):
        raise NotAskedNow(begun.mine.instrument.id)
    _record(session, begun, "entry.view", by=by, at=at)
    step = step_view(begun.visit.clinic, begun.parts, begun.mine, number)
    return QuestionView(begun.entering, step, begun.mine.ended)


def review(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> tuple[QuestionView, ReviewView]:
    """What was answered and what a skipped item costs, before the part is sent. Raises Unfinished."""
    begun = _open(session, public_id, by=by, at=at)
    if begun.mine.adaptive and not begun.mine.ended:
        raise Unfinished(begun.mine.instrument.id)
    _record(session, begun, "entry.view", by=by, at=at)
    last = step_view(begun.visit.clinic, begun.parts, begun.mine, len(begun.mine.items))
    return QuestionView(begun.entering, last, begun.mine.ended), review_view(
        begun.visit.clinic, begun.parts, begun.mine
    )


def stay(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> StayView:
    """What to do now: the patient, whom to reach, and the alert that an answer raised. NotFound where none did."""
    begun = entry.found(session, public_id, by=by, at=at)
    alert = session.scalars(
        select(Alert)
        .where(Alert.administration_id == begun.row.id, Alert.level == Level.ALERT)
        .where(Alert.rule.in_([rule.rule for rule in begun.mine.instrument.alerts]))
        .order_by(Alert.id.desc())
        .limit(1)
    ).one_or_none()
    if alert is None:
        raise NotFound("no alert")
    _record(session, begun, "entry.stay", by=by, at=at)
    item = begun.mine.instrument.item_by_id[alert.item_id]
    current = begun.mine.responses.get(item.id)
    option = item.option(current.value) if current and current.value is not None else None
    return StayView(
        entering=begun.entering,
        phone=begun.patient.phone,
        address=begun.patient.address,
        emergency_contact=begun.patient.emergency_contact,
        alert_id=alert.public_id,
        raised_at=alert.raised_at,
        own_words=begun.visit.clinic.words_in(begun.visit.language).help,
        language=begun.visit.language,
        number=begun.mine.instrument.items.index(item) + 1,
        label=option.label if option else None,
        sent=begun.mine.submitted,
        following=place_in(begun.mine).step or None,
    )


def _open(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> Begun:
    begun = entry.found(session, public_id, Mode.TELEPHONE, by=by, at=at)
    visits.require_open(begun.visit, unless=begun.mine.submitted)
    if begun.mine.submitted:
        raise AlreadySubmitted(begun.mine.instrument.id)
    return begun


def _record(session: Session, begun: Begun, action: str, *, by: StaffMember, at: datetime) -> None:
    subject = f"administration:{begun.row.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=begun.patient.id, subject=subject)
