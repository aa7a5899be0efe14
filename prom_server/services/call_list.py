"""Who is to be rung: first whoever asked to be called by now, then what is overdue, in the order in which it closes.

Nobody is offered twice: whoever rings holds the patient, in a row that only one of two can write, for a quarter of an
hour. A patient who was rung, or is being rung, is passed over; these are few, so a page costs the same whatever waits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from prom_server.core.calls import RINGS_FOR, CallList, NobodyToRing, Ringing, RingingElsewhere, ToRing
from prom_server.core.closing_order import Span
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.worklist import Filter, Show
from prom_server.services import audit, catalogue, finding, waiting
from prom_server.services.waiting import columns
from prom_server.store.assessments import Assessment
from prom_server.store.contact import Call
from prom_server.store.contact import Ringing as RingingRow
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff

PER_PAGE = 25
CALL_BACKS = 100  # on the first page; more follow as these are rung
CHOICES = 5  # that are tried where somebody takes the first at the same moment

_OVERDUE = Filter(Show.OVERDUE)
_Rows = Sequence[waiting.Line]


def call_list(session: Session, *, after: str | None = None, by: StaffMember, at: datetime) -> CallList:
    """One page; `after` is the assessment that ended the page before. Those without a number are on it too."""
    require(by, Action.SEE_FOLLOWUPS)
    audit.record(session, "calls.list", by=by, at=at)
    last = None
    if after is not None:
        row, _course, _patient = finding.assessment(session, after, by=by)
        last = (row.closes_on, row.id)
    points = waiting.time_points(session, by=by)
    asked = _call_backs(session, limit=CALL_BACKS, by=by, at=at) if last is None else []
    wanted = waiting.first(
        _OVERDUE, points, after=last, also=(*_not_asked(), *to_be_rung(at)), limit=PER_PAGE + 1, by=by, at=at
    )
    rows = session.execute(wanted).all()
    beyond = rows[PER_PAGE - 1][0].public_id if len(rows) > PER_PAGE else None
    mine = _mine(session, by=by, at=at)
    listed = lines(session, [*asked, *rows[:PER_PAGE], *mine], by=by, at=at)
    here = len(listed) - len(mine)
    return CallList(listed[:here], beyond, listed[here] if mine else None)


def take_next(session: Session, *, by: StaffMember, at: datetime) -> str | None:
    """Holds the next person for whoever asks, and tells the assessment. None: there is nobody left.

    Whoever holds somebody already is given the same one.
    """
    require(by, Action.RING)
    if mine := _mine(session, by=by, at=at):
        return str(mine[0][0].public_id)
    points = waiting.time_points(session, by=by)
    for row in _candidates(session, points, by=by, at=at):
        if _hold(session, row[0], by=by, at=at):
            _record(session, "call.begin", row[0], by=by, at=at)
            return str(row[0].public_id)
    return None


def take(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Holds this patient. A second time it holds on. Raises NobodyToRing, RingingElsewhere."""
    require(by, Action.RING)
    row, _course, patient = finding.assessment(session, assessment_public_id, by=by)
    if not may_ring(row, patient, by=by, at=at):
        raise NobodyToRing("nothing waits")
    if not _hold(session, row, by=by, at=at):
        raise RingingElsewhere("somebody else")
    _record(session, "call.begin", row, by=by, at=at)


def release(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> None:
    """Nobody was rung. What somebody else holds stays held."""
    require(by, Action.RING)
    row, _course, _patient = finding.assessment(session, assessment_public_id, by=by)
    if let_go(session, row.patient_id, by=by):
        _record(session, "call.release", row, by=by, at=at)


def may_ring(row: Assessment, patient: Patient, *, by: StaffMember, at: datetime) -> bool:
    """Answers are accepted now, and nobody said that they are not wanted."""
    day = finding.local_day(at, by.clinic)
    over = (row.completed_at, row.cancelled_at, row.declined_at, patient.merged_into_id)
    in_time = row.opens_on <= day <= row.closes_on and (row.closed_at is None or row.closed_at > at)
    return in_time and not patient.stopped and all(each is None for each in over)


# ---- Who comes next


def _candidates(session: Session, points: Mapping[str, Span], *, by: StaffMember, at: datetime) -> list[waiting.Line]:
    """The first few who can be rung now: with a number, and held by nobody."""
    free = (_with_number(), *_free(at))
    asked = _call_backs(session, free, limit=CHOICES, by=by, at=at)
    if len(asked) == CHOICES:
        return list(asked)
    also = (*_not_asked(), *to_be_rung(at), *free)
    return [*asked, *session.execute(waiting.first(_OVERDUE, points, also=also, limit=CHOICES, by=by, at=at))]


def _call_backs(
    session: Session, also: Sequence[ColumnElement[bool]] = (), *, limit: int, by: StaffMember, at: datetime
) -> _Rows:
    """Whoever asked to be rung by now, overdue or not."""
    mine = (columns.clinic_id == by.clinic.id, columns.call_back_at <= at, *waiting.accepting(by, at))
    wished = (*mine, columns.declined_at.is_(None), _takes_part(), *also)
    rows = waiting.lines().where(*wished).order_by(columns.call_back_at, columns.id)
    return session.execute(rows.limit(limit)).all()


def _not_asked() -> tuple[ColumnElement[bool], ...]:
    return (columns.call_back_at.is_(None),)


def to_be_rung(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Takes part, and was not rung so lately that it is to rest: about whatever it was."""
    rests = exists().where(Call.patient_id == columns.patient_id, Call.again_at > at)
    return (~rests.correlate(waiting.assessment), _takes_part())


def _takes_part() -> ColumnElement[bool]:
    out = (Patient.withdrawn_at, Patient.deceased_on, Patient.merged_into_id)
    return _of_patient(*(each.is_(None) for each in out))


def _with_number() -> ColumnElement[bool]:
    return _of_patient(Patient.phone.is_not(None))


def _of_patient(*facts: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Patient.id == columns.patient_id, *facts).correlate(waiting.assessment)


def _free(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Held by nobody."""
    held = exists().where(RingingRow.patient_id == columns.patient_id, RingingRow.since > at - RINGS_FOR)
    return (~held.correlate(waiting.assessment),)


def _mine(session: Session, *, by: StaffMember, at: datetime) -> _Rows:
    """Whom this person holds: one at most, and only as long as there is something to ring about."""
    rows = waiting.lines().join(RingingRow, RingingRow.assessment_id == Assessment.id)
    mine = (RingingRow.staff_id == by.id, RingingRow.since > at - RINGS_FOR, Assessment.declined_at.is_(None))
    return session.execute(rows.where(*mine, *waiting.accepting(by, at), _takes_part())).all()


# ---- Holding


def _hold(session: Session, row: Assessment, *, by: StaffMember, at: datetime) -> bool:
    """Lets go of whom one held before. False where somebody else holds the patient, be it since this moment."""
    concerned = (RingingRow.staff_id == by.id) | (RingingRow.patient_id == row.patient_id)
    # In one order: two who move to each other's patients wait for each other once, and not crosswise.
    session.execute(select(RingingRow.id).where(concerned).order_by(RingingRow.id).with_for_update())
    over = (RingingRow.patient_id == row.patient_id) & (RingingRow.since <= at - RINGS_FOR)
    session.execute(delete(RingingRow).where((RingingRow.staff_id == by.id) | over))
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {"clinic_id": by.clinic.id, "staff_id": by.id, "patient_id": row.patient_id, "assessment_id": row.id}
    new = dialect.insert(RingingRow).values(**values, since=at).on_conflict_do_nothing()
    return session.scalar(new.returning(RingingRow.id)) is not None


def let_go(session: Session, patient_id: int, *, by: StaffMember) -> bool:
    mine = (RingingRow.patient_id == patient_id, RingingRow.staff_id == by.id)
    return session.scalar(delete(RingingRow).where(*mine).returning(RingingRow.id)) is not None


def ringing(session: Session, patient_ids: Sequence[int], *, by: StaffMember, at: datetime) -> Mapping[int, Ringing]:
    """Who rings them now, by patient."""
    rows = session.execute(
        select(RingingRow.patient_id, RingingRow.since, RingingRow.staff_id, Staff.name)
        .join(Staff, Staff.id == RingingRow.staff_id)
        .where(RingingRow.patient_id.in_(patient_ids), RingingRow.since > at - RINGS_FOR)
    )
    return {row.patient_id: Ringing(row.name, row.since, row.staff_id == by.id) for row in rows}


# ---- Lines


def lines(session: Session, rows: _Rows, *, by: StaffMember, at: datetime) -> tuple[ToRing, ...]:
    """In two statements, whatever their number."""
    held = ringing(session, [row[0].patient_id for row in rows], by=by, at=at)
    rung = session.execute(
        select(Call.assessment_id, func.count(), func.max(Call.called_at))
        .where(Call.assessment_id.in_([row[0].id for row in rows]))
        .group_by(Call.assessment_id)
    )
    attempts = {assessment_id: (number, last_at) for assessment_id, number, last_at in rung}
    return tuple(_line(row, attempts.get(row[0].id, (0, None)), held.get(row[0].patient_id), by, at) for row in rows)


def _line(
    row: waiting.Line, attempts: tuple[int, datetime | None], held: Ringing | None, by: StaffMember, at: datetime
) -> ToRing:
    assessment, course, patient = row[0], row[1], row[2]
    protocol = catalogue.protocol_of(course)
    return ToRing(
        assessment_id=assessment.public_id,
        patient=finding.ref(patient),
        phone=patient.phone,
        name=protocol.time_point(assessment.time_point).name,
        course_number=course.number,
        closes_on=assessment.closes_on,
        days_left=(assessment.closes_on - finding.local_day(at, by.clinic)).days,
        best_time=patient.best_time,
        attempts=attempts[0],
        last_at=attempts[1],
        call_back_at=assessment.call_back_at,
        ringing=held,
        protocol_missing=protocol.missing,
    )


def _record(session: Session, action: str, row: Assessment, *, by: StaffMember, at: datetime) -> None:
    subject = f"assessment:{row.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=row.patient_id, subject=subject)
