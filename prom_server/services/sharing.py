"""Results for the patient: only where the clinic turned that on, and after a clinician has looked at them.

What is shared is what was looked at: a later score is not shown until it is shared again. Later is what has a higher
id, not a later time: a submit that waited for the sharing is dated before it. The patient reads it by a link of theirs,
after the birth date, for a while. No session begins: nothing of it is kept on a device.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.preferences import Preferences
from prom_server.core.refusals import NotFound
from prom_server.core.sharing import (
    AlertStillOpen,
    NothingToShare,
    Result,
    ResultsNotShown,
    ResultsView,
    ScoredMeanwhile,
    SharedLine,
    SharedResults,
    results_of,
)
from prom_server.services import audit, birth_dates, catalogue, finding, links, pinning, scores
from prom_server.services.links import LinkClosed, Opened
from prom_server.services.scores import Stored
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.courses import Course

SHOWN_FOR = timedelta(days=30)  # from the moment of sharing; then the patient asks the clinic


# ---- Staff


def shareable(session: Session, patient_public_id: str, *, by: StaffMember) -> tuple[SharedLine, ...]:
    """Every assessment with a part that was sent, the latest first; none where the clinic shows no results."""
    require(by, Action.SEE_TREND)
    if not by.clinic.results_shown:
        return ()
    patient = finding.patient(session, patient_public_id, by=by)
    rows = session.execute(
        select(Assessment, Course, Administration)
        .join(Course, Course.id == Assessment.course_id)
        .join(Administration, Administration.assessment_id == Assessment.id)
        .where(Assessment.patient_id == patient.id, *_SENT)
        .order_by(func.coalesce(Administration.submitted_at, Administration.sent_before_at))
    ).all()
    computed = _computed(session, [each for _row, _course, each in rows])
    lines: dict[int, SharedLine] = {}
    for row, course, administration in rows:
        before = lines[row.id].last_score if row.id in lines else 0
        last = max([before, *(each.id for each in computed[administration.id])])
        lines[row.id] = SharedLine(
            row.public_id,
            catalogue.protocol(course.protocol_id, course.protocol_revision).time_point(row.time_point).name,
            _sent_at(administration),
            last,
            row.results_shared_at,
            row.results_shared_at is not None and last > (row.results_seen or 0),
        )
    return tuple(sorted(lines.values(), key=lambda line: line.answered_at, reverse=True))


def share(session: Session, assessment_public_id: str, *, seen: int, by: StaffMember, at: datetime) -> str:
    """The patient may read the results as they stand; returns the patient's public id.

    `seen` is the last score that the page showed. Raises NotFound, ResultsNotShown, NothingToShare, AlertStillOpen,
    ScoredMeanwhile.
    """
    require(by, Action.SHARE_RESULTS)
    row, _course, patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    if not by.clinic.results_shown:
        raise ResultsNotShown(by.clinic.public_id)
    mine = Administration.assessment_id == row.id
    sent = session.scalars(select(Administration).where(mine, *_SENT)).all()
    if not sent:
        raise NothingToShare(row.public_id)
    computed = _computed(session, sent)
    last = max((each.id for part in sent for each in computed[part.id]), default=0)
    if last > seen:
        raise ScoredMeanwhile(row.public_id)
    if session.scalar(select(_alert_open_in(row.id))):
        raise AlertStillOpen(row.public_id)
    _set(session, row, "results.share", at, last, by=by, at=at)
    return patient.public_id


def take_back(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> str:
    """The patient reads them no more; returns the patient's public id. Raises NotFound."""
    require(by, Action.SHARE_RESULTS)
    row, _course, patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    if row.results_shared_at is not None:
        _set(session, row, "results.take_back", None, None, by=by, at=at)
    return patient.public_id


def _set(
    session: Session,
    row: Assessment,
    action: str,
    shared_at: datetime | None,
    seen: int | None,
    *,
    by: StaffMember,
    at: datetime,
) -> None:
    facts = {"results_shared_at": shared_at, "results_seen": seen}
    session.execute(update(Assessment).where(Assessment.id == row.id).values(**facts))
    subject = f"assessment:{row.public_id}"
    audit.record(session, action, by=by, at=at, patient_id=row.patient_id, subject=subject)


# ---- The patient


def require_shown(session: Session, token: str) -> None:
    """Raises LinkUnknown, or NotFound where the clinic shows no results."""
    _shown(session, token)


def count_attempt(session: Session, token: str, *, at: datetime) -> None:
    """Counts one attempt at the birth date. Commit it before `read` compares. Raises LinkUnknown, LinkLocked."""
    whose = _shown(session, token)
    birth_dates.count(session, whose.patient, whose.clinic, at=at)


def read(session: Session, token: str, birth_date: date, *, at: datetime) -> ResultsView | int:
    """What was shared lately; for a wrong date how many tries are left."""
    whose = _shown(session, token)
    left = birth_dates.check(session, whose.patient, birth_date, at=at)
    if left is not None:
        return left
    birth_dates.record(session, "results.view", whose.patient, at=at)
    rows = session.execute(
        select(Assessment, Administration)
        .join(Administration, Administration.assessment_id == Assessment.id)
        .where(
            Assessment.patient_id == whose.patient.id,
            Assessment.results_shared_at > at - SHOWN_FOR,
            ~_alert_open_in(Assessment.id),  # one that came later, or opened again
            *_SENT,
        )
        .order_by(Administration.position)
    ).all()
    computed = _computed(session, [each for _row, each in rows])
    parts: dict[int, list[Administration]] = defaultdict(list)
    shared = {}
    for row, administration in rows:
        shared[row.id] = row
        parts[row.id].append(administration)
    zone = ZoneInfo(whose.clinic.time_zone)
    found = [_shared(session, shared[each], parts[each], computed, zone) for each in shared]
    found.sort(key=lambda each: each.answered_on, reverse=True)
    patient = whose.patient
    looks = Preferences(patient.language, patient.text_size, patient.contrast)
    return ResultsView(links.clinic_facts(whose.clinic), looks, tuple(found))


def _shown(session: Session, token: str) -> Opened:
    whose = links.owner(session, token)
    if not whose.clinic.results_shown:
        raise NotFound("no results here")
    if whose.patient.stopped:
        raise LinkClosed(links.clinic_facts(whose.clinic))
    return whose


def _shared(
    session: Session,
    row: Assessment,
    parts: Sequence[Administration],
    computed: dict[int, list[Stored]],
    zone: ZoneInfo,
) -> SharedResults:
    results: list[Result] = []
    unnamed: list[str] = []
    for part in parts:
        seen = [each.score for each in computed[part.id] if each.id <= (row.results_seen or 0)]
        named, rest = results_of(pinning.begun_with(session, part), seen)
        results += named
        unnamed += rest
    sent = max(_sent_at(part) for part in parts)
    return SharedResults(sent.astimezone(zone).date(), tuple(results), tuple(unnamed))


# ---- Both

# What was asked again and not sent since keeps its scores until then, as on the trend.
_SENT = (
    or_(Administration.submitted_at.is_not(None), Administration.sent_before_at.is_not(None)),
    Administration.in_error_at.is_(None),
)


def _alert_open_in(assessment_id: InstrumentedAttribute[int] | int) -> ColumnElement[bool]:
    part = aliased(Administration)
    of_it = (part.id == Alert.administration_id, part.assessment_id == assessment_id)
    return exists().where(*of_it, Alert.level == "alert", Alert.resolved_at.is_(None))


def _computed(session: Session, administrations: Iterable[Administration]) -> dict[int, list[Stored]]:
    found: dict[int, list[Stored]] = defaultdict(list)
    for each in scores.stored(session, [row.id for row in administrations]):
        found[each.administration_id].append(each)
    return found


def _sent_at(administration: Administration) -> datetime:
    """Of one that was sent."""
    return administration.submitted_at or administration.sent_before_at or administration.started_at
