"""Care: what was asked stays apart from what was not, nothing changes without its line, no clinic sees another's."""

from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from prom_server.core.adverse_events import (
    EventAction,
    EventInFuture,
    EventKind,
    EventNoteNeeded,
    EventOutcome,
    EventRecorded,
    NotResolved,
)
from prom_server.core.care import (
    DayInFuture,
    NothingAsked,
    OtherCareKind,
    OtherSideEffectUnsaid,
    RowInError,
    SessionKind,
    SessionRecorded,
    SideEffectKind,
)
from prom_server.core.courses import FinishReason
from prom_server.core.infusions import (
    DayGiven,
    DayNotOver,
    DayNotPlanned,
    Details,
    DoseDisagrees,
    MissedNoteNeeded,
    MissedReason,
)
from prom_server.core.mme import UnknownOpioid
from prom_server.core.moving import Around
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.settings_change import SettingsChanged, fingerprint
from prom_server.core.vital_signs import NotAroundTheInfusion, VitalKind
from prom_server.services import (
    adverse_events,
    care,
    care_views,
    course_views,
    courses,
    infusions,
    moving,
    opioid_doses,
    side_effects,
)
from prom_server.services.adverse_events import Event
from prom_server.store.audit import AuditEntry
from prom_server.store.care import SideEffect
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.care import days_of, everything, row_of
from tests.support.clinic import NOON

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
TODAY = NOON.date()
NAUSEA, MISUSE, OTHER = SideEffectKind.NAUSEA, SideEffectKind.MISUSE, SideEffectKind.OTHER


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team)


@pytest.fixture
def infusion(database: Database, team: Cast, course: str) -> str:
    with database.writing() as session:
        return people.infuse(session, course, team.bob, 0)[0]


def details_of(database: Database, action: str) -> list[str | None]:
    with database.reading() as session:
        lines = select(AuditEntry.detail).where(AuditEntry.action == action).order_by(AuditEntry.id)
        return list(session.scalars(lines))


def test_an_infusion_with_everything_and_what_changes_in_it(database: Database, team: Cast, course: str) -> None:
    known = Details(Decimal(40), Decimal("81.3"), None, 40, True, "Slept.")
    with database.writing() as session:
        infusion = courses.record_infusion(session, course, NOON, details=known, by=team.cora, at=NOON)
        found = care_views.infusion_page(session, infusion, by=team.cora, at=NOON).infusion
        assert found.details == Details(Decimal(40), Decimal("81.3"), Decimal("0.49"), 40, True, "Slept.")
    with database.writing() as session:
        later = Details(Decimal(40), Decimal("81.3"), Decimal("0.5"), 45, None, "Slept.")
        infusions.change_infusion(session, infusion, later, by=team.bob, at=NOON)
        infusions.change_infusion(session, infusion, later, by=team.bob, at=NOON)  # the same again says nothing
        assert care_views.infusion_page(session, infusion, by=team.cora, at=NOON).infusion.details == later
    assert details_of(database, "infusion.change") == [
        "mg_per_kg: 0.49 -> 0.5\nminutes: 40 -> 45\nondansetron: True -> None"
    ]
    wrong = Details(Decimal(40), Decimal("81.3"), Decimal("0.9"))
    with pytest.raises(DoseDisagrees), database.writing() as session:
        courses.record_infusion(session, course, NOON + DAY, details=wrong, by=team.cora, at=NOON + DAY)


def test_days_are_given_missed_and_planned_again(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0, 1)
        second, third = (each.public_id for each in days_of(session, course)[1:3])
        for reason, note, refusal in (
            (MissedReason.DID_NOT_COME, None, DayNotOver),
            (MissedReason.OTHER, " ", MissedNoteNeeded),
        ):
            with pytest.raises(refusal):
                infusions.miss_day(session, third, reason, note, by=team.cora, at=NOON + DAY)
        with pytest.raises(DayGiven):
            infusions.miss_day(session, second, MissedReason.UNWELL, None, by=team.cora, at=NOON + DAY)
        infusions.miss_day(session, third, MissedReason.PATIENT_CANCELLED, None, by=team.cora, at=NOON + DAY)
        infusions.miss_day(session, third, MissedReason.UNWELL, "fever", by=team.cora, at=NOON + 2 * DAY)
    with database.writing() as session:
        view = course_views.course_view(session, course, by=team.bob, at=NOON + 3 * DAY)
        assert [each.state(view.today) for each in view.days] == ["given", "given", "missed", "planned", "planned"]
        assert (view.counts.given, view.counts.planned, view.counts.reasons) == (2, 5, (("unwell", 1),))
        assert view.loose == ()
        infusions.take_back_missed(session, third, by=team.cora, at=NOON + 3 * DAY)
        fifth = view.days[4].public_id
        view = course_views.course_view(session, course, by=team.bob, at=NOON + 3 * DAY)
        assert [each.state(view.today) for each in view.days][2] == "unrecorded"
        courses.finish_course(session, course, FinishReason.COMPLETED, None, by=team.cora, at=NOON + 3 * DAY)
        assert infusions.day_page(session, fifth, by=team.cora, at=NOON + 3 * DAY).day.cancelled
        with pytest.raises(DayNotPlanned):
            infusions.miss_day(session, fifth, MissedReason.UNWELL, None, by=team.cora, at=NOON + 3 * DAY)
    said = [f"{TODAY + 2 * DAY}: {step}" for step in (
        "planned -> patient_cancelled", "patient_cancelled -> unwell", "unwell -> planned"
    )]  # fmt: skip
    assert details_of(database, "infusion_day.missed") == said


def test_an_infusion_in_error_frees_its_day_and_takes_nothing_more(
    database: Database, team: Cast, course: str, infusion: str
) -> None:
    with database.writing() as session:
        courses.mark_infusion_in_error(session, infusion, by=team.cora, at=NOON)
        view = course_views.course_view(session, course, by=team.bob, at=NOON)
        assert [each.state(TODAY) for each in view.days] == ["planned"] * 5
        assert [each.public_id for each in view.loose] == [infusion]
        with pytest.raises(RowInError):
            side_effects.record_side_effects(session, infusion, {NAUSEA: True}, None, by=team.cora, at=NOON)


def test_the_care_record_goes_to_the_infusion_recorded_in_its_place(
    database: Database, team: Cast, course: str, infusion: str
) -> None:
    with database.writing() as session:
        side_effects.record_side_effects(session, infusion, {NAUSEA: True}, None, by=team.bob, at=NOON)
        signs = {VitalKind.HEART_RATE: 70}
        side_effects.record_vital_signs(session, infusion, NOON, signs, by=team.bob, at=NOON)
        event = Event(EventKind.HYPOTENSION, EventAction.INFUSION_STOPPED, EventOutcome.RESOLVED, NOON)
        adverse_events.record_event(session, course, event, by=team.bob, at=NOON)
        left = moving.look_at_error(session, infusion, by=team.bob, at=NOON).left
        assert left == Around(1, 1, 1)
        courses.mark_infusion_in_error(session, infusion, by=team.bob, at=NOON)
        another_day = courses.record_infusion(session, course, NOON - DAY, by=team.bob, at=NOON)
        again = courses.record_infusion(session, course, NOON - timedelta(hours=1), by=team.bob, at=NOON)
        views = [care_views.infusion_page(session, each, by=team.bob, at=NOON) for each in (another_day, again)]
    kept = [(len(each.side_effects.asked), len(each.vital_signs), len(each.events)) for each in views]
    assert kept == [(0, 0, 0), (1, 1, 1)]
    assert f"care record of infusion:{infusion}" in str(details_of(database, "infusion.record")[-1])


def test_a_second_press_records_nothing_twice(database: Database, team: Cast, course: str, infusion: str) -> None:
    event = Event(EventKind.HYPOTENSION, EventAction.INFUSION_STOPPED, EventOutcome.RESOLVING, NOON)
    with database.writing() as session:
        first = adverse_events.record_event(session, course, event, by=team.bob, at=NOON)
        assert adverse_events.record_event(session, course, event, by=team.bob, at=NOON + MINUTE) == first
        with pytest.raises(EventRecorded):
            adverse_events.record_event(session, course, replace(event, note="x"), by=team.bob, at=NOON)
        adverse_events.mark_event_in_error(session, first, by=team.bob, at=NOON)
        assert adverse_events.record_event(session, course, event, by=team.bob, at=NOON) != first
        note = care.write_note(session, course, "Called.", by=team.bob, at=NOON)
        for by, at, again in (
            (team.bob, NOON + MINUTE / 2, True),
            (team.cora, NOON, False),
            (team.bob, NOON + MINUTE, False),
        ):
            assert (care.write_note(session, course, "Called.", by=by, at=at) == note) is again


def test_what_was_changed_meanwhile_is_not_overwritten(
    database: Database, team: Cast, course: str, infusion: str
) -> None:
    happened = Event(EventKind.HYPOTENSION, EventAction.BOTH, EventOutcome.RESOLVING, NOON)
    with database.writing() as session:
        event = adverse_events.record_event(session, course, happened, by=team.bob, at=NOON)
        for shown, act in (
            (
                asdict(Details()),
                lambda seen: infusions.change_infusion(
                    session, infusion, Details(minutes=41), seen=seen, by=team.bob, at=NOON
                ),
            ),
            (
                {},
                lambda seen: side_effects.record_side_effects(
                    session, infusion, {NAUSEA: False}, None, seen=seen, by=team.bob, at=NOON
                ),
            ),
            (
                {"outcome": "resolving", "resolved_at": None, "note": None},
                lambda seen: adverse_events.follow_event(
                    session, event, EventOutcome.UNKNOWN, None, None, seen=seen, by=team.bob, at=NOON
                ),
            ),
        ):
            act(fingerprint(shown))
            with pytest.raises(SettingsChanged):
                act(fingerprint(shown))  # another desk has the page of before


def test_not_asked_writes_no_row_and_changes_are_told(database: Database, team: Cast, infusion: str) -> None:
    def record(answers: dict[SideEffectKind, bool | None], note: str | None = None) -> None:
        with database.writing() as session:
            side_effects.record_side_effects(session, infusion, answers, note, by=team.cora, at=NOON)

    with pytest.raises(NothingAsked):
        record({NAUSEA: None})
    with pytest.raises(OtherSideEffectUnsaid):
        record({OTHER: True}, " ")
    record({NAUSEA: False, MISUSE: None, OTHER: True}, "itching")
    assert people.count(database, SideEffect) == 2
    record({NAUSEA: True})  # what is not named stays
    record({OTHER: None})  # it was not asked after all
    record({NAUSEA: True})
    with database.writing() as session:
        found = care_views.infusion_page(session, infusion, by=team.bob, at=NOON).side_effects
        assert [each.kind for each in found.asked] == [each.kind for each in found.present] == ["nausea"]
    assert details_of(database, "side_effects.record") == [
        "nausea: not asked -> no\nother: not asked -> yes (itching)",
        "nausea: no -> yes",
        "other: yes (itching) -> not asked",
    ]


def test_vital_signs_are_measured_around_the_infusion(database: Database, team: Cast, infusion: str) -> None:
    values = {VitalKind.SYSTOLIC: 128, VitalKind.DIASTOLIC: 81}
    for off in (timedelta(seconds=1), -DAY - timedelta(seconds=1)):
        with pytest.raises(NotAroundTheInfusion), database.writing() as session:
            side_effects.record_vital_signs(session, infusion, NOON + off, values, by=team.cora, at=NOON)
    with database.writing() as session:
        side_effects.record_vital_signs(session, infusion, NOON, values, by=team.cora, at=NOON)
        (first,) = care_views.infusion_page(session, infusion, by=team.cora, at=NOON).vital_signs
        assert (first.at, dict(first.values)) == (NOON, {"systolic": Decimal(128), "diastolic": Decimal(81)})
        side_effects.mark_vital_signs_in_error(session, first.public_id, by=team.cora, at=NOON)
        side_effects.record_vital_signs(session, infusion, NOON, {VitalKind.HEART_RATE: 70}, by=team.cora, at=NOON)
        side_effects.mark_vital_signs_in_error(session, first.public_id, by=team.cora, at=NOON)  # changes nothing
        wrong, right = care_views.infusion_page(session, infusion, by=team.cora, at=NOON).vital_signs
        assert (wrong.in_error, len(wrong.values), right.in_error, len(right.values)) == (True, 2, False, 1)
        later = {"by": team.cora, "at": NOON + DAY}
        side_effects.mark_vital_signs_in_error(session, right.public_id, **later)
        found = care_views.infusion_page(session, infusion, **later).vital_signs
        assert [len(each.values) for each in found] == [2, 1]  # the first keeps when it was marked
    assert details_of(database, "vital_signs.in_error") == [NOON.isoformat()] * 2


def test_adverse_events_go_on_and_leave_the_counts(database: Database, team: Cast, course: str, infusion: str) -> None:
    stopped = Event(EventKind.HYPOTENSION, EventAction.BOTH, EventOutcome.RESOLVING, NOON)
    for event, refusal in (
        (Event(EventKind.OTHER, EventAction.BOTH, EventOutcome.UNKNOWN, NOON), EventNoteNeeded),
        (Event(EventKind.HYPERTENSION, EventAction.OTHER, EventOutcome.UNKNOWN, NOON), EventNoteNeeded),
        (Event(EventKind.HYPERTENSION, EventAction.BOTH, EventOutcome.UNKNOWN, NOON + DAY), EventInFuture),
        (Event(EventKind.HYPERTENSION, EventAction.BOTH, EventOutcome.RESOLVED, NOON, NOON - DAY), EventInFuture),
        (Event(EventKind.HYPERTENSION, EventAction.BOTH, EventOutcome.UNKNOWN, NOON, NOON), NotResolved),
    ):
        with pytest.raises(refusal), database.writing() as session:
            adverse_events.record_event(session, course, event, by=team.cora, at=NOON)
    with database.writing() as session:
        one = adverse_events.record_event(session, course, stopped, by=team.cora, at=NOON)
        other = Event(
            EventKind.HYPERTENSION, EventAction.OTHER, EventOutcome.RESOLVED, NOON - DAY, NOON - DAY, "rested"
        )
        adverse_events.record_event(session, course, other, by=team.cora, at=NOON)
        adverse_events.follow_event(session, one, EventOutcome.RESOLVED, NOON + DAY, None, by=team.bob, at=NOON + DAY)
        page = care_views.course_page(session, course, by=team.bob, at=NOON + DAY)
        assert [(each.outcome, each.infusion_on) for each in page.events] == [("resolved", TODAY), ("resolved", None)]
        assert (page.summary.events, page.summary.counted_events) == (2, 1)
        adverse_events.mark_event_in_error(session, one, by=team.bob, at=NOON + DAY)
        found = care_views.summary(session, course, by=team.bob, at=NOON + DAY)
        assert (found.events, found.counted_events) == (1, 0)
        with pytest.raises(RowInError):
            adverse_events.follow_event(session, one, EventOutcome.RESOLVED, None, None, by=team.bob, at=NOON + DAY)
    (line,) = details_of(database, "adverse_event.change")
    assert line is not None
    assert "outcome: resolving -> resolved" in line.splitlines()


def test_a_dose_keeps_its_factor_and_belongs_to_the_patient(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        for drug, day, refusal in (("buprenorphine", TODAY, UnknownOpioid), ("morphine", TODAY + DAY, DayInFuture)):
            with pytest.raises(refusal):
                opioid_doses.record_dose(session, course, drug, Decimal(8), day, by=team.cora, at=NOON)
        opioid_doses.record_dose(session, course, "oxycodone", Decimal(20), TODAY - 9 * DAY, by=team.cora, at=NOON)
        wrong = opioid_doses.record_dose(session, course, "methadone", Decimal(10), TODAY, by=team.cora, at=NOON)
        patient_id = row_of(session, course).patient_id
        assert opioid_doses.total_on(session, patient_id, TODAY - 10 * DAY, by=team.bob) is None
        today = opioid_doses.total_on(session, patient_id, TODAY, by=team.bob)
        assert today is not None
        assert today.mme == 77
        assert {(each.factor, each.factors_version) for each in today.doses} == {
            (Decimal("1.5"), "cdc-2022.v1"),
            (Decimal("4.7"), "cdc-2022.v1"),
        }
        assert opioid_doses.mark_dose_in_error(session, wrong, by=team.cora, at=NOON) == course
        page = care_views.care_page(session, course, by=team.cora, at=NOON)
        assert page.dose is not None
        assert (page.dose.mme, [each.in_error for each in page.doses]) == (30, [True, False])


def test_sessions_other_care_and_notes(database: Database, team: Cast, course: str) -> None:
    therapy, massage = SessionKind.THERAPY, OtherCareKind.MASSAGE
    with database.writing() as session:
        one = care.record_session(session, course, therapy, TODAY, attended=False, by=team.cora, at=NOON)
        with pytest.raises(SessionRecorded):
            care.record_session(session, course, therapy, TODAY, attended=True, by=team.cora, at=NOON)
        assert care.mark_session_in_error(session, one, by=team.cora, at=NOON) == course
        care.record_session(session, course, therapy, TODAY, attended=True, by=team.cora, at=NOON)
        with pytest.raises(DayInFuture):
            care.record_session(session, course, therapy, TODAY + DAY, attended=True, by=team.cora, at=NOON)
        with pytest.raises(NothingAsked):
            care.record_other_care(session, course, TODAY, {massage: None}, by=team.cora, at=NOON)
        care.record_other_care(session, course, TODAY, {massage: True}, by=team.cora, at=NOON)
        care.record_other_care(session, course, TODAY, {massage: False}, by=team.cora, at=NOON)
        note = care.write_note(session, course, "Came by bus.", by=team.cora, at=NOON)
        care.write_note(session, course, "Came by train.", by=team.cora, at=NOON)
        care.mark_note_in_error(session, note, by=team.cora, at=NOON)
        page = care_views.care_page(session, course, by=team.cora, at=NOON)
        assert page.attended(therapy) == (1, 1)
        (asked,) = page.other_care
        assert [(each.kind, each.answer) for each in asked.lines.asked] == [("massage", False)]
        assert [each.text for each in page.standing_notes] == ["Came by train."]
    assert details_of(database, "other_care.record")[-1] == f"{TODAY}\nmassage: yes -> no"


def test_a_summary_has_its_denominators(database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        first, second, wrong = people.infuse(session, course, team.bob, 0, 1, 2)
        for infusion, present in ((first, True), (second, False), (wrong, True)):
            side_effects.record_side_effects(session, infusion, {NAUSEA: present}, None, by=team.bob, at=NOON + 2 * DAY)
        infusions.change_infusion(session, first, Details(ondansetron=True), by=team.bob, at=NOON + 2 * DAY)
        courses.mark_infusion_in_error(session, wrong, by=team.bob, at=NOON + 2 * DAY)
        third = days_of(session, course)[2].public_id
        infusions.miss_day(session, third, MissedReason.UNWELL, None, by=team.bob, at=NOON + 2 * DAY)
        found = care_views.summary(session, course, by=team.bob, at=NOON + 2 * DAY)
    counted = {each.kind: (each.present, each.asked, each.given) for each in found.side_effects}
    assert (counted["nausea"], counted["dizziness"]) == ((1, 2, 2), (0, 0, 2))
    assert (found.ondansetron.present, found.ondansetron.asked, found.ondansetron.given) == (1, 1, 2)
    assert (found.days.given, found.days.planned, found.days.reasons) == (2, 5, (("unwell", 1),))
    assert found.checklists == 2


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, course: str, infusion: str) -> None:
    with database.writing() as session:
        ids = everything(session, course, by=team.cora)
        before = session.scalar(select(func.count()).select_from(AuditEntry))
        event = Event(EventKind.HYPERTENSION, EventAction.BOTH, EventOutcome.UNKNOWN, NOON)
        unknown, unwell = EventOutcome.UNKNOWN, MissedReason.UNWELL
        signs, asked = {VitalKind.HEART_RATE: 70}, {OtherCareKind.MASSAGE: True}
        for attempt in (
            lambda who: care_views.infusion_page(session, infusion, **who),
            lambda who: care_views.care_page(session, course, **who),
            lambda who: care_views.summary(session, course, **who),
            lambda who: infusions.change_infusion(session, infusion, Details(), **who),
            lambda who: infusions.day_page(session, ids["infusion_day"], **who),
            lambda who: infusions.miss_day(session, ids["infusion_day"], unwell, None, **who),
            lambda who: infusions.take_back_missed(session, ids["infusion_day"], **who),
            lambda who: side_effects.record_side_effects(session, infusion, {NAUSEA: True}, None, **who),
            lambda who: side_effects.record_vital_signs(session, infusion, NOON, signs, **who),
            lambda who: side_effects.mark_vital_signs_in_error(session, ids["vital_sign"], **who),
            lambda who: adverse_events.record_event(session, course, event, **who),
            lambda who: adverse_events.event_page(session, ids["adverse_event"], **who),
            lambda who: adverse_events.follow_event(session, ids["adverse_event"], unknown, None, None, **who),
            lambda who: adverse_events.mark_event_in_error(session, ids["adverse_event"], **who),
            lambda who: opioid_doses.record_dose(session, course, "morphine", Decimal(1), TODAY, **who),
            lambda who: opioid_doses.mark_dose_in_error(session, ids["opioid_dose"], **who),
            lambda who: care.record_session(session, course, SessionKind.EDUCATION, TODAY, attended=True, **who),
            lambda who: care.record_other_care(session, course, TODAY, asked, **who),
            lambda who: care.write_note(session, course, "x", **who),
            lambda who: care.mark_session_in_error(session, ids["session"], **who),
            lambda who: care.mark_note_in_error(session, ids["note"], **who),
        ):
            with pytest.raises(NotFound):
                attempt({"by": team.charlie, "at": NOON})
            with pytest.raises(NotAllowed):
                attempt({"by": team.ada, "at": NOON})
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == before
