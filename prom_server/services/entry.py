"""Staff enter answers of a paper form or a telephone interview: the claims, alerts and scores of a patient's own saves.

One part is answered in one way: what a patient has begun on a device is not finished on paper.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.entry import (
    BegunOtherwise,
    EnteredMeanwhile,
    EnteredOtherwise,
    Entering,
    How,
    Mode,
    NotOnPaper,
    Respondent,
    check,
    said,
)
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.schedule import Facts, status_at
from prom_server.core.visit import PartState, Visit
from prom_server.services import answering, audit, battery, catalogue, claims, finding, visits
from prom_server.services.answering import AlreadySubmitted, NewerAnswer, Posted, Saved
from prom_server.services.links import ANSWERABLE
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.courses import Course
from prom_server.store.patients import Patient

_NOBODY_YET = "own_device"  # of a part that was begun with another: its first answer settles how it is given


@dataclass(frozen=True, slots=True)
class Begun:
    """An administration that staff enter, with all that a save needs."""

    row: Administration
    patient: Patient
    visit: Visit
    mine: PartState
    parts: tuple[PartState, ...]

    @property
    def how(self) -> How:
        return how_of(self.row)

    @property
    def entering(self) -> Entering:
        return Entering(
            administration_id=self.row.public_id,
            assessment_id=self.visit.assessment,
            patient=finding.ref(self.patient),
            instrument=self.mine.instrument,
            part=self.mine.position,
            parts=len(self.parts),
            how=self.how,
            sequence=self.mine.sequence,
        )


def visit_of(
    assessment: Assessment, course: Course, patient: Patient, mode: str = "", *, by: StaffMember, at: datetime
) -> Visit:
    """A visit in which staff enter what the patient answers; the mode is that of the part, once one is chosen."""
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    return Visit(
        session_id=0,
        assessment_id=assessment.id,
        assessment=assessment.public_id,
        battery=protocol.battery,
        patient_id=patient.id,
        clinic=by.clinic,
        language=patient.language,
        stale=False,
        open=assessment.completed_at is None and not patient.stopped and in_window(assessment, by=by, at=at),
        completed=assessment.completed_at is not None,
        mode=mode,
        entered_by=by,
        alerts=protocol.alerts,
    )


def in_window(assessment: Assessment, *, by: StaffMember, at: datetime) -> bool:
    """Whether its day allows answers, be it completed or not."""
    # How many parts were submitted only tells two ways of being closed apart.
    facts = Facts(finding.window(assessment), assessment.started_at, None, assessment.cancelled_at, submitted=0)
    return status_at(facts, at, finding.local_day(at, by.clinic)) in ANSWERABLE


def begin(
    session: Session, assessment_public_id: str, position: int, how: How, *, by: StaffMember, at: datetime
) -> str:
    """Begins one part, or goes on with one begun the same way; its administration's public id.

    The battery has begun then, as with a patient's own start: an item with an alert rule that nobody reaches in another
    part is flagged.
    Raises NotFound, AssessmentClosed, AlreadySubmitted, BegunOtherwise, EnteredOtherwise, NotOnPaper, LicenceMissing,
    and what `core.entry.check` refuses.
    """
    require(by, Action.ENTER_ANSWERS)
    how = said(how)
    assessment, course, patient = finding.assessment(session, assessment_public_id, by=by)
    visit = visit_of(assessment, course, patient, how.mode, by=by, at=at)
    visits.require_open(visit)
    check(how, assessment.opens_on, finding.local_day(at, by.clinic))
    claims.assessment(session, visit, started_at=at)
    parts = battery.load(session, visit)
    part = _part(parts, position)
    if part.submitted:
        raise AlreadySubmitted(part.instrument.id)
    if how.mode is Mode.PAPER and part.adaptive:
        raise NotOnPaper(part.instrument.id)
    if missing := [each for each in parts if not each.begun]:
        battery.begin(session, replace(visit, mode=_NOBODY_YET), missing, at=at)
    row = _taken(session, visit, position, how, by=by)
    record(session, row.public_id, patient, "entry.begin", by=by, at=at, detail=how.mode)
    return row.public_id


def _part(parts: tuple[PartState, ...], position: int) -> PartState:
    if not 1 <= position <= len(parts):
        raise NotFound("no such part")
    return parts[position - 1]


def _taken(session: Session, visit: Visit, position: int, how: How, *, by: StaffMember) -> Administration:
    """Of a part without any answer, however it was begun, the way is set now.

    Raises BegunOtherwise, EnteredOtherwise: what is said of the answers that are there is never changed silently.
    """
    these = (
        Administration.assessment_id == visit.assessment_id,
        Administration.position == position,
        Administration.in_error_at.is_(None),
    )
    session.execute(update(Administration).where(*these, Administration.sequence == 0).values(**_columns(how, by)))
    row = session.scalars(select(Administration).where(*these).execution_options(populate_existing=True)).one()
    if row.mode != how.mode:
        raise BegunOtherwise(row.instrument_id)
    if how_of(row) != how:
        raise EnteredOtherwise(row.instrument_id)
    return row


def _columns(how: How, by: StaffMember) -> dict[str, object]:
    return {
        "mode": how.mode,
        "respondent": how.respondent,
        "relation": how.relation,
        "assisted_by": how.assisted_by,
        "entered_by": by.id,
        "written_on": how.written_on,
    }


def how_of(row: Administration) -> How:
    return How(Mode(row.mode), Respondent(row.respondent), row.relation, row.assisted_by, row.written_on)


def found(
    session: Session, public_id: str, mode: Mode | None = None, *, by: StaffMember, at: datetime, lock: bool = False
) -> Begun:
    """A part that staff enter; with `mode` one of that kind only. `lock` claims its assessment before it is read.

    Raises NotFound, AlreadyMarked, BegunOtherwise.
    """
    require(by, Action.ENTER_ANSWERS)
    row, assessment, course, patient = finding.administration(session, public_id, by=by, lock=lock)
    if row.mode not in ([mode] if mode else list(Mode)):
        raise BegunOtherwise(row.instrument_id)
    visit = visit_of(assessment, course, patient, row.mode, by=by, at=at)
    parts = battery.load(session, visit)
    return Begun(row, patient, visit, battery.part_at(parts, row.position), parts)


def save(session: Session, begun: Begun, posted: Posted, *, at: datetime) -> Saved:
    """One answer, with the claims of a patient's own. Raises what that does, and EnteredMeanwhile."""
    try:
        return answering.save_in(session, begun.visit, begun.mine.position, posted, at=at)
    except NewerAnswer as error:
        raise EnteredMeanwhile(posted.item_id) from error


def say(session: Session, public_id: str, posted: Posted, *, by: StaffMember, at: datetime) -> Saved:
    """Stores one answer of a telephone interview. Raises what a patient's save does, and EnteredMeanwhile."""
    return save(session, found(session, public_id, Mode.TELEPHONE, by=by, at=at), posted, at=at)


def send(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """Closes the part of a telephone interview, as the patient's own submit. Returns the assessment's public id."""
    begun = found(session, public_id, Mode.TELEPHONE, by=by, at=at)
    answering.submit_in(session, begun.visit, begun.mine.position, at=at)
    return begun.visit.assessment


def record(
    session: Session,
    public_id: str,
    patient: Patient,
    action: str,
    *,
    by: StaffMember,
    at: datetime,
    detail: str | None = None,
) -> None:
    """The audit line of a look at, or an act on, a part that is entered."""
    subject = f"administration:{public_id}"
    audit.record(session, action, by=by, at=at, patient_id=patient.id, subject=subject, detail=detail)
