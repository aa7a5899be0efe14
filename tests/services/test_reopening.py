"""A part sent an item short is asked again; a part is declined. Nothing is lost, and every score recomputes."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.responses import ItemState
from prom_server.core.trend_facts import NotAnswered
from prom_server.services import (
    alert_lists,
    answering,
    battery,
    corrections,
    course_views,
    pinning,
    progress,
    reopening,
    scores,
    today,
    trends,
    verification,
    visit_pages,
    visits,
)
from prom_server.services import given as givens
from prom_server.services.answering import AlreadySubmitted, Posted
from prom_server.services.reopening import NotShort
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, kiosk, races
from tests.support.clinic import BIRTH_DATE, NOON

LATER = NOON + timedelta(minutes=10)
AGAIN = NOON + timedelta(minutes=20)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def invited(database: Database, team: Cast) -> clinic.Invited:
    with database.writing() as session:
        return clinic.invited(session, team.bob, number=9)


@pytest.fixture
def token(database: Database, invited: clinic.Invited) -> str:
    with database.writing() as session:
        visits.count_attempt(session, invited.token, at=NOON)
        token = visits.identify(session, invited.token, BIRTH_DATE, at=NOON).token
        answering.start(session, token, at=NOON)
        return token


def answer(database: Database, token: str, number: int, value: int | None, part: int = 1, at=NOON) -> None:
    with database.writing() as session:
        step = visit_pages.step(session, token, part, number, at=at)
        answering.save(session, token, part, Posted(step.item.id, value, step.sequence), at=at)


def answer_all(database: Database, token: str, values: list[int | None], part: int = 1) -> None:
    for number, value in enumerate(values, 1):
        answer(database, token, number, value, part)


def submit(database: Database, token: str, part: int = 1, at=NOON) -> None:
    with database.writing() as session:
        answering.submit(session, token, part, at=at)


def part_id(database: Database, position: int = 1) -> str:
    with database.reading() as session:
        return session.scalars(select(Administration.public_id).where(Administration.position == position)).one()


def ask_again(database: Database, public_id: str, by, at=LATER) -> None:
    with database.writing() as session:
        reopening.ask_again(session, public_id, by=by, at=at)


def short(database: Database, by, at=NOON) -> list[tuple[str, int]]:
    with database.writing() as session:
        return [(each.instrument, each.short) for each in today.today(session, by=by, at=at).short]


def recorded(database: Database) -> list[tuple[str, int | None, bool]]:
    with database.reading() as session:
        rows = session.scalars(select(RecordedScore).order_by(RecordedScore.id))
        return [(row.status, row.value and int(row.value), row.superseded_at is None) for row in rows]


def differences(database: Database) -> list[object]:
    with database.reading() as session:
        return list(verification.check(session).differences)


def test_an_item_short_is_asked_again_and_scored_anew(
    database: Database, team: Cast, invited: clinic.Invited, token: str
) -> None:
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    answer_all(database, token, [1] * 7, part=2)
    submit(database, token, part=2)
    assert short(database, team.cora) == [("PHQ-9", 1)]
    before = people.count(database, Alert)
    ask_again(database, part_id(database), team.cora)
    assert short(database, team.cora, LATER) == []
    assert recorded(database) == [("prorated", 8, True), ("scored", 7, True)]  # until it is sent once more
    assert differences(database) == []
    with database.reading() as session:
        assert (
            session.scalars(select(Assessment.completed_at).where(Assessment.public_id == invited.assessment)).one()
            is None
        )
    answer(database, token, 8, 3, at=AGAIN)
    submit(database, token, at=AGAIN)
    assert recorded(database) == [("prorated", 8, False), ("scored", 7, True), ("scored", 10, True)]
    assert differences(database) == []
    assert people.count(database, Alert) == before
    with database.reading() as session:
        assert (
            session.scalars(select(Assessment.completed_at).where(Assessment.public_id == invited.assessment)).one()
            == AGAIN
        )
        actions = Counter(people.audited(session))
        assert (actions["administration.ask_again"], actions["administration.submit"]) == (1, 3)


def test_a_patient_who_has_left_loses_no_score(
    database: Database, team: Cast, invited: clinic.Invited, token: str
) -> None:
    """Asked again and never sent again: what was sent stays on the trend, on its day, also when the window is over."""
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    before = trend(database, invited, team.bob, LATER)
    ask_again(database, part_id(database), team.cora)
    answer(database, token, 8, 3, at=AGAIN)
    after = trend(database, invited, team.bob, AGAIN)
    assert [chart.points for chart in after.charts] == [chart.points for chart in before.charts]
    assert differences(database) == []
    with database.writing() as session:
        session.execute(update(Assessment).values(closes_on=NOON.date()))
    over = trend(database, invited, team.bob, NOON + timedelta(days=1))
    total = next(point for chart in over.charts for point in chart.points if point.score is not None)
    assert (int(total.score.value), total.on, total.status) == (8, NOON.date(), "prorated")
    with database.writing() as session:
        view = course_views.course_view(session, invited.course, by=team.bob, at=NOON + timedelta(days=1))
        assert view.assessments[0].status == "partially_completed"


def trend(database: Database, invited: clinic.Invited, by, at):
    with database.writing() as session:
        return trends.trend(session, invited.patient, by=by, at=at, action="trend.view")


def test_the_superseded_score_says_which_answers_it_counted(database: Database, team: Cast, token: str) -> None:
    """Were it computed from what is stored now, it would differ."""
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    ask_again(database, part_id(database), team.bob)
    answer(database, token, 1, 3, at=AGAIN)
    with database.reading() as session:
        assert session.scalars(select(RecordedScore.sequence)).all() == [10]
    assert differences(database) == []


def test_a_score_of_before_the_column_gets_it_when_it_is_asked_again(
    database: Database, team: Cast, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    rows_of = scores.rows_of
    with monkeypatch.context() as older:
        older.setattr(scores, "rows_of", lambda *of, at: [row | {"sequence": None} for row in rows_of(*of, at=at)])
        submit(database, token)
    assert differences(database) == []
    ask_again(database, part_id(database), team.bob)
    answer(database, token, 1, 3, at=AGAIN)
    assert differences(database) == []


def test_alerts_keep_their_history(database: Database, team: Cast, token: str) -> None:
    """Item 9 skipped is a flag; answered when asked again it is an alert besides, and the flag stays."""
    answer_all(database, token, [1] * 8 + [None, 0])
    submit(database, token)
    ask_again(database, part_id(database), team.bob)
    answer(database, token, 9, 2, at=AGAIN)
    submit(database, token, at=AGAIN)
    with database.reading() as session:
        assert session.scalars(select(Alert.level).order_by(Alert.id)).all() == ["flag", "alert"]
        assert session.scalars(select(AlertStep.kind).order_by(AlertStep.id)).all() == ["raised", "raised"]
    assert differences(database) == []


def test_a_second_press_changes_nothing(database: Database, team: Cast, token: str) -> None:
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    for by in (team.cora, team.bob):
        ask_again(database, part_id(database), by)
    assert people.count(database, AuditEntry, AuditEntry.action == "administration.ask_again") == 1


def test_only_what_is_short_and_open(database: Database, team: Cast, token: str) -> None:
    answer_all(database, token, [1] * 10)
    submit(database, token)
    answer_all(database, token, [None] * 3 + [1] * 4, part=2)
    submit(database, token, part=2)
    assert short(database, team.cora) == []
    for position in (1, 2):
        with pytest.raises(NotShort):
            ask_again(database, part_id(database, position), team.cora)


@pytest.mark.parametrize(("missing", "listed"), [(1, 1), (2, 2), (3, None)])
def test_listed_is_where_one_more_answer_makes_or_completes_a_score(
    database: Database, team: Cast, token: str, missing: int, listed: int | None
) -> None:
    """GAD-7: with two missing one more gives a prorated score; with three it would give none."""
    answer_all(database, token, [None] * missing + [1] * (7 - missing), part=2)
    submit(database, token, part=2)
    assert short(database, team.cora) == ([("GAD-7", listed)] if listed else [])


# ---- On another device


@pytest.fixture
def tablet_token(database: Database, team: Cast, invited: clinic.Invited, token: str) -> str:
    """Begun on the phone, sent an item short, asked again on a tablet."""
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    ask_again(database, part_id(database), team.cora)
    with database.writing() as session:
        credential = kiosk.tablet(session, team.ada)
    tablet = kiosk.Tablet(database, credential)
    kiosk.start_on(database, invited.assessment, tablet, team.cora, at=LATER)
    return tablet.identify(at=LATER).token


def test_each_answer_says_how_it_was_given(database: Database, team: Cast, invited, tablet_token: str) -> None:
    answer(database, tablet_token, 8, 3, at=LATER)
    with database.writing() as session:
        view = givens.given(session, part_id(database), by=team.bob, at=LATER)
    assert [each.mode for each in view.ways] == ["own_device", "kiosk"]
    assert [each.now.way.mode for each in view.items] == ["own_device"] * 7 + ["kiosk"] + ["own_device"] * 2
    assert [each.way.mode for each in view.items[7].before] == ["own_device"]
    assert [(way.mode, way.also) for line in trend(database, invited, team.bob, LATER).how for way, _ in line.ways] == [
        ("own_device", ("kiosk",))
    ]


def test_a_part_begun_at_home_and_answered_in_the_clinic_was_answered_there(
    database: Database, team: Cast, tablet_token: str
) -> None:
    answer(database, tablet_token, 1, 1, part=2, at=LATER)
    with database.reading() as session:
        modes = session.scalars(select(Administration.mode).order_by(Administration.position)).all()
    assert modes == ["own_device", "kiosk"]


def test_today_says_in_clinic_by_the_last_answer(database: Database, team: Cast, tablet_token: str) -> None:
    answer(database, tablet_token, 8, None, at=LATER)
    submit(database, tablet_token, at=LATER)
    with database.writing() as session:
        assert [each.mode for each in today.today(session, by=team.cora, at=LATER).short] == ["kiosk"]


def test_an_alert_says_how_its_own_answer_was_given(database: Database, team: Cast, tablet_token: str) -> None:
    """Begun at home does not mean that the patient is at home."""
    answer(database, tablet_token, 9, 2, at=LATER)
    with database.writing() as session:
        (line,) = alert_lists.alerts_page(session, by=team.bob, at=LATER).found.rows
    assert (line.asked.value, line.mode) == (2, "kiosk")


def test_an_answer_of_an_older_server_was_given_as_the_part_began(
    database: Database, team: Cast, invited: clinic.Invited, token: str
) -> None:
    with database.reading() as session:
        item = session.scalars(select(Administration).where(Administration.position == 1)).one()
    with database.writing() as session:
        row = {"administration_id": item.id, "item_id": pinning.begun_with(session, item).items[0].id}
        session.execute(insert(Response).values(row | {"sequence": 1, "value": 1, "answered_at": NOON, "at": NOON}))
        (way,) = givens.given(session, part_id(database), by=team.bob, at=LATER).ways
    assert way.mode == "own_device"


def test_not_after_the_window(database: Database, team: Cast, token: str) -> None:
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    assert short(database, team.cora, NOON + timedelta(days=1)) == []  # it was not sent that day
    with database.writing() as session:
        session.execute(update(Assessment).values(closes_on=NOON.date() - timedelta(days=1)))
    with pytest.raises(visits.AssessmentClosed):
        ask_again(database, part_id(database), team.cora)
    assert short(database, team.cora) == []
    assert recorded(database) == [("prorated", 8, True)]


def test_who_may(database: Database, team: Cast, token: str) -> None:
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    with pytest.raises(NotAllowed):
        ask_again(database, part_id(database), team.ada)
    with pytest.raises(NotFound):
        ask_again(database, part_id(database), team.charlie)


def test_two_desks_press_while_the_patient_sends_again(database: Database, team: Cast, token: str) -> None:
    """Whatever comes first, scores recompute, and the assessment is complete exactly when every part is sent."""
    answer_all(database, token, [1] * 7, part=2)
    submit(database, token, part=2)
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    public_id = part_id(database)

    def press() -> None:
        ask_again(database, public_id, team.cora)

    def send() -> None:
        for value in (1, 2):
            try:
                answer(database, token, 1, value, at=AGAIN)
                submit(database, token, at=AGAIN)
            except (AlreadySubmitted, visits.AssessmentClosed):
                continue

    for _ in range(5):
        races.together(press, press, send)
        assert differences(database) == []
        with database.reading() as session:
            unsent = session.scalar(select(func.count()).where(Administration.submitted_at.is_(None)))
            completed = session.scalar(select(Assessment.completed_at).where(Assessment.started_at.is_not(None)))
            assert (unsent == 0) == (completed is not None)
            current = select(func.count()).where(RecordedScore.superseded_at.is_(None))
            assert session.scalar(current) == 2  # whether it is open again or not
        answer_if_open(database, token)


def answer_if_open(database: Database, token: str) -> None:
    try:
        answer(database, token, 8, None, at=AGAIN)
        submit(database, token, at=AGAIN)
    except (AlreadySubmitted, visits.AssessmentClosed):
        pass


# ---- "I would rather not answer this questionnaire"


def decline(database: Database, token: str, part: int = 1, at=LATER):
    with database.writing() as session:
        return answering.decline(session, token, part, at=at)


def test_a_declined_part_is_sent_without_scores(database: Database, team: Cast, invited, token: str) -> None:
    answer_all(database, token, [3] * 8)  # enough to prorate, were it sent
    place = decline(database, token)
    assert (place.part, place.step) == (2, 1)
    with database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.position == 1)).one()
        assert (row.submitted_at, row.declined_at) == (LATER, LATER)
        score = session.scalars(select(RecordedScore)).one()
        assert (score.status, score.value, score.reason, score.answered) == ("not_scorable", None, "declined", 8)
        assert session.scalars(select(Alert.level)).all() == ["flag"]  # item 9 without an answer, and no page
        assert people.audited(session)[-1] == "administration.decline"
    assert differences(database) == []
    assert short(database, team.cora) == []
    with pytest.raises(NotShort):
        ask_again(database, part_id(database), team.cora)


def test_declined_skipped_not_shown_and_not_reached_stay_distinct(
    database: Database, team: Cast, invited: clinic.Invited, token: str
) -> None:
    answer_all(database, token, [0, None])
    answer(database, token, 1, 0, part=2)
    decline(database, token)
    with database.writing() as session:
        view = givens.given(session, part_id(database), by=team.bob, at=LATER)
        declined = [ItemState.DECLINED] * 7
        assert [each.state for each in view.items] == [
            ItemState.ANSWERED, ItemState.SKIPPED, *declined, ItemState.NOT_SHOWN
        ]  # fmt: skip
        other = givens.given(session, part_id(database, 2), by=team.bob, at=LATER)
        assert {each.state for each in other.items[1:]} >= {ItemState.NOT_REACHED}
        line = corrections.administrations(session, invited.patient, by=team.bob, at=LATER).rows[-1]
        assert line.declined_at == LATER


def test_declining_twice_or_after_sending_changes_nothing(database: Database, token: str) -> None:
    answer_all(database, token, [0] * 9)
    submit(database, token)
    decline(database, token)
    with database.reading() as session:
        assert session.scalars(select(Administration.declined_at)).all() == [None, None]
    assert recorded(database) == [("scored", 0, True)]
    decline(database, token, part=2)
    decline(database, token, part=2, at=AGAIN)
    with database.reading() as session:
        assert session.scalars(select(Administration.declined_at).order_by(Administration.position)).all() == [
            None,
            LATER,
        ]
    assert differences(database) == []


def test_declining_what_is_asked_again_leaves_what_was_sent(
    database: Database, team: Cast, invited: clinic.Invited, token: str
) -> None:
    """With what was answered meanwhile, which no score counts."""
    answer_all(database, token, [1] * 7, part=2)
    submit(database, token, part=2)
    answer_all(database, token, [1] * 7 + [None, 0, 0])
    submit(database, token)
    before = trend(database, invited, team.bob, LATER)
    ask_again(database, part_id(database), team.cora)
    answer(database, token, 8, 3, at=AGAIN)
    decline(database, token, at=AGAIN)
    assert recorded(database) == [("scored", 7, True), ("prorated", 8, True)]
    assert differences(database) == []
    with database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.position == 1)).one()
        assert (row.submitted_at, row.declined_at) == (NOON, None)
        assert session.scalar(select(Assessment.completed_at).where(Assessment.id == row.assessment_id)) == AGAIN
        assert people.audited(session)[-1] == "administration.decline"
    after = trend(database, invited, team.bob, AGAIN)
    assert [chart.points for chart in after.charts] == [chart.points for chart in before.charts]


def test_an_adaptive_part_is_declined_before_its_end(database: Database, team: Cast) -> None:
    with database.writing() as session:
        mine = clinic.invited(session, team.bob, number=8, protocol="five-day-adaptive")
        visits.count_attempt(session, mine.token, at=NOON)
        token = visits.identify(session, mine.token, BIRTH_DATE, at=NOON).token
        answering.start(session, token, at=NOON)
    answer(database, token, 1, 2, part=3)
    place = decline(database, token, part=3)
    assert place.rest_after == 3  # a long battery offers a break
    with database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.position == 3)).one()
        most = pinning.begun_with(session, row).adaptive.most
        counted = progress.of_administrations(session, [row.id])[row.id]
        assert (counted.answered, counted.items) == (1, most)  # it had more to ask
        assert session.scalars(select(RecordedScore.reason)).all() == ["declined"]
    assert differences(database) == []


def test_the_trend_knows_declined(database: Database, team: Cast, invited: clinic.Invited, token: str) -> None:
    answer_all(database, token, [1])
    decline(database, token)
    with database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.position == 1)).one()
        given = battery.responses(session, [row.id])[row.id]
        made = trends._administration(row, pinning.begun_with(session, row), given)
    assert list(made.responses.values()).count(NotAnswered.DECLINED) == 9
