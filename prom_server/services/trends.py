"""One patient's trend: what was stored, as facts, turned into the view that page and report share.

Ten statements, however many courses there are.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.instrument import Instrument
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.responses import Current, ItemState, states
from prom_server.core.schedule import Facts, Protocol, after_next_course, next_began_at, status_at
from prom_server.core.trend import trend as build
from prom_server.core.trend_facts import (
    AdministrationFacts,
    Answered,
    AssessmentFacts,
    CourseFacts,
    NotAnswered,
    PatientFacts,
    RecordedScore,
    SameAs,
    TrendFacts,
)
from prom_server.core.trend_facts import Response as Given
from prom_server.core.trend_view import TrendView
from prom_server.services import audit, battery, catalogue, finding, linked, pinning, scores, trend_alerts
from prom_server.services.pinning import Pin, pin_in
from prom_server.services.scores import Stored
from prom_server.store.assessments import Administration, Assessment, Response
from prom_server.store.courses import Course, Infusion
from prom_server.store.patients import Patient

Begun = tuple[Administration, AdministrationFacts]


def trend(session: Session, patient_public_id: str, *, by: StaffMember, at: datetime, action: str) -> TrendView:
    """The view of page and report. `action` is what the audit trail says of it. Raises NotFound, NotAllowed."""
    require(by, Action.SEE_TREND)
    patient = finding.patient(session, patient_public_id, by=by)
    audit.record(session, action, by=by, at=at, patient_id=patient.id)
    return build(_facts(session, patient, by=by, at=at), finding.local_day(at, by.clinic))


def _facts(session: Session, patient: Patient, *, by: StaffMember, at: datetime) -> TrendFacts:
    zone = ZoneInfo(by.clinic.time_zone)
    courses = session.scalars(select(Course).where(Course.patient_id == patient.id).order_by(Course.number)).all()
    rows = session.scalars(
        select(Assessment)
        .where(Assessment.patient_id == patient.id, Assessment.cancelled_at.is_(None))
        .order_by(Assessment.opens_on, Assessment.id)
    ).all()
    administrations = session.scalars(
        select(Administration)
        .where(Administration.assessment_id.in_([row.id for row in rows]), Administration.in_error_at.is_(None))
        .order_by(Administration.position)
    ).all()
    owners = {each.id: each for each in administrations}
    responses, modes = battery.responses(session, owners), _modes(session, owners)
    by_course = {course.id: course for course in courses}
    opaque = {row.id: row.public_id for row in rows}
    names = {row.id: _same_as(row, by_course[row.course_id]) for row in rows}
    begun: dict[int, list[Begun]] = defaultdict(list)
    counted: dict[int, list[str]] = defaultdict(list)  # by administration: the assessments it stands for, each once
    own = [(each.assessment_id, each.id) for each in administrations]
    for assessment_id, administration_id in (*own, *linked.pairs(session, opaque)):
        if (each := owners.get(administration_id)) is not None:
            facts = _administration(each, pinning.begun_with(session, each), responses[each.id], modes[each.id])
            shared = names[each.assessment_id] if each.assessment_id != assessment_id else None
            begun[assessment_id].append((each, replace(facts, same_as=shared)))
            counted[each.id].append(opaque[assessment_id])
    recorded = [(each, owners[each.administration_id]) for each in scores.stored(session, owners)]
    given = _given_at(session, courses)
    first = {each.number: given[each.id][0] for each in courses if given[each.id]}
    begun_under = [pin_in(each) for each in sorted(administrations, key=lambda each: each.started_at)]
    return TrendFacts(
        patient=PatientFacts(f"{patient.given_name} {patient.family_name}", patient.record_number, patient.birth_date),
        courses=tuple(_course(each, given[each.id], zone) for each in courses),
        assessments=tuple(
            _assessment(row, by_course[row.course_id], begun[row.id], first, at=at, zone=zone) for row in rows
        ),
        scores=tuple(_score(each, owner, at_id) for each, owner in recorded for at_id in counted[owner.id]),
        alerts=trend_alerts.of_patient(session, patient, zone),
        instruments=_instruments(session, begun_under + [each.pin for each, _ in recorded], courses),
    )


def _given_at(session: Session, courses: Sequence[Course]) -> Mapping[int, list[datetime]]:
    """The infusions by course, in order."""
    given: dict[int, list[datetime]] = defaultdict(list)
    for infusion in session.scalars(
        select(Infusion)
        .where(Infusion.course_id.in_([course.id for course in courses]), Infusion.in_error_at.is_(None))
        .order_by(Infusion.given_at)
    ):
        given[infusion.course_id].append(infusion.given_at)
    return given


def _course(course: Course, given: Sequence[datetime], zone: ZoneInfo) -> CourseFacts:
    return CourseFacts(
        number=course.number,
        starts_on=course.starts_on,
        infusions=tuple(each.astimezone(zone).date() for each in given),
        finished=course.finished_at is not None,
    )


def _assessment(
    row: Assessment,
    course: Course,
    begun: Sequence[Begun],
    first_infusions: Mapping[int, datetime],
    *,
    at: datetime,
    zone: ZoneInfo,
) -> AssessmentFacts:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    point = protocol.time_point(row.time_point)
    submitted = [sent for each, _ in begun if (sent := _sent_at(each)) is not None]
    facts = Facts(finding.window(row), row.started_at, row.completed_at, row.cancelled_at, len(submitted))
    return AssessmentFacts(
        id=row.public_id,
        course=course.number,
        time_point=point.id,
        name=point.name,
        short=point.short,
        window=facts.window,
        status=status_at(facts, at, at.astimezone(zone).date()),
        answered_on=max(submitted).astimezone(zone).date() if submitted else None,
        battery=protocol.battery,
        administrations=tuple(facts for _, facts in begun),
        after_next_course=bool(submitted)
        and after_next_course(max(submitted), next_began_at(course.number, first_infusions)),
        late=bool(submitted) and row.reopened_at is not None and max(submitted) >= row.reopened_at,
    )


def _same_as(row: Assessment, course: Course) -> SameAs:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    return SameAs(course.number, protocol.time_point(row.time_point).name)


def _administration(
    row: Administration, instrument: Instrument, responses: Mapping[str, Current], modes: frozenset[str] = frozenset()
) -> AdministrationFacts:
    state = states(instrument, responses, declined=row.declined_at is not None)
    return AdministrationFacts(
        instrument=row.instrument_id,
        revision=row.instrument_revision,
        content_hash=row.content_hash,
        submitted=_sent_at(row) is not None,
        answered=sum(1 for each in state.values() if each is ItemState.ANSWERED),
        items=sum(1 for each in state.values() if each is not ItemState.NOT_SHOWN),
        responses={item: _given(each, responses.get(item)) for item, each in state.items()},
        how=Answered(
            mode=row.mode,
            language=row.language,
            respondent=row.respondent,
            relation=row.relation,
            assisted_by=row.assisted_by,
            written_on=row.written_on,
            also=tuple(sorted(modes - {row.mode})),
        ),
    )


def _modes(session: Session, administration_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
    """In which ways the answers of each came."""
    found: dict[int, frozenset[str]] = defaultdict(frozenset)
    for row in session.execute(
        select(Response.administration_id, Response.mode)
        .where(Response.administration_id.in_(administration_ids), Response.mode.is_not(None))
        .distinct()
    ):
        found[row.administration_id] |= {row.mode}
    return found


def _sent_at(row: Administration) -> datetime | None:
    """What was sent and is asked again keeps its day and its scores until it is sent once more."""
    return row.submitted_at or row.sent_before_at


def _given(state: ItemState, current: Current | None) -> Given:
    if state is not ItemState.ANSWERED or current is None or current.value is None:
        return NotAnswered(state)
    return current.value


def _score(each: Stored, owner: Administration, assessment: str) -> RecordedScore:
    return RecordedScore(assessment, owner.instrument_id, each.score, each.pin.revision)


def _instruments(session: Session, pins: Sequence[Pin], courses: Sequence[Course]) -> dict[str, Instrument]:
    """Those of the batteries, and for what was answered the newest revision that it was answered or scored under."""
    protocols: list[Protocol] = [catalogue.protocol(each.protocol_id, each.protocol_revision) for each in courses]
    found = {each: catalogue.instrument(each) for protocol in protocols for each in protocol.battery}
    for pin in sorted(dict.fromkeys(pins), key=lambda each: each.revision):
        found[pin.instrument_id] = pinning.instrument(session, pin)
    return found
