"""A patient answers: each answer saved, each instrument submitted and scored once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from prom_server.core.refusals import InvalidAnswer, NotFound
from prom_server.core.visit import Place
from prom_server.services import answering, visit_pages, visits
from prom_server.services.answering import AlreadySubmitted, NewerAnswer, Posted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON

PHQ_ITEMS = [f"phq{number}" for number in range(1, 10)]


@pytest.fixture
def token(database: Database) -> str:
    """The session token of an identified patient whose battery has begun: PHQ-9, then GAD-7."""
    clinic.bind_definitions()
    with database.writing() as session:
        bob = clinic.member(session, clinic.clinic(session))
        link = clinic.invited(session, bob).token
        visits.count_attempt(session, link, at=NOON)
        mine = visits.identify(session, link, BIRTH_DATE, at=NOON).token
        assert mine is not None
        answering.start(session, mine, at=NOON)
    return mine


def save(database: Database, token: str, item: str, value: int | None, shown: int, part: int = 1) -> answering.Saved:
    with database.writing() as session:
        return answering.save(session, token, part, Posted(item, value, shown), at=NOON)


def answer_all(database: Database, token: str, values: list[int | None], part: int = 1, prefix: str = "phq") -> None:
    for number, value in enumerate(values, 1):
        save(database, token, f"{prefix}{number}", value, number - 1, part)


def submit(database: Database, token: str, part: int = 1) -> Place:
    with database.writing() as session:
        return answering.submit(session, token, part, at=NOON)


def test_each_answer_is_stored_with_its_sequence_and_the_next_step(database: Database, token: str) -> None:
    saved = save(database, token, "phq1", 2, shown=0)
    assert (saved.place, saved.sequence, saved.help) == (Place(1, 2), 1, False)
    with database.reading() as session:
        row = session.scalars(select(Response)).one()
        assert (row.item_id, row.value, row.sequence, row.at) == ("phq1", 2, 1, NOON)


def test_coming_back_leads_to_the_first_open_item(database: Database, token: str) -> None:
    save(database, token, "phq1", 0, shown=0)
    save(database, token, "phq2", None, shown=1)  # skipping is an answer too
    with database.reading() as session:
        assert visit_pages.where(session, token, at=NOON) == Place(1, 3)


def test_a_skip_is_stored_as_a_skip_and_never_as_zero(database: Database, token: str) -> None:
    answer_all(database, token, [0, 0, 0, None, None, None, 0, 0, 0])
    submit(database, token)
    with database.reading() as session:
        score = session.scalars(select(RecordedScore)).one()
        assert (score.status, score.value, score.answered, score.items) == ("not_scorable", None, 6, 9)


def test_the_difficulty_item_is_asked_only_when_something_is_above_zero(database: Database, token: str) -> None:
    answer_all(database, token, [0] * 9)
    with database.reading() as session:
        assert visit_pages.where(session, token, at=NOON) == Place(1, 0)
    save(database, token, "phq1", 1, shown=9)
    with database.reading() as session:
        assert visit_pages.step(session, token, 1, 10, at=NOON).item.id == "difficulty"


def test_a_prorated_score_is_half_up_and_says_so(database: Database, token: str) -> None:
    answer_all(database, token, [1, 1, 1, 1, 0, 0, 0, 0, None])
    assert submit(database, token) == Place(2, 1)
    with database.reading() as session:
        score = session.scalars(select(RecordedScore)).one()
        assert (score.status, score.raw, score.value, score.band) == ("prorated", 4, Decimal(5), "mild")
        assert score.reason == "key-item-missing"


def test_the_last_submit_completes_the_assessment(database: Database, token: str) -> None:
    answer_all(database, token, [0] * 9)
    submit(database, token)
    with database.reading() as session:
        assert session.scalars(select(Assessment.completed_at).where(Assessment.started_at.is_not(None))).one() is None
    answer_all(database, token, [1] * 7, part=2, prefix="gad")
    assert submit(database, token, 2).finished
    with database.reading() as session:
        assert session.scalars(select(Assessment.completed_at).where(Assessment.started_at.is_not(None))).one() == NOON


def test_a_second_submit_stores_nothing_and_leads_to_the_same_place(database: Database, token: str) -> None:
    answer_all(database, token, [1] * 9)
    first = submit(database, token)
    assert submit(database, token) == first
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RecordedScore)) == 1


def test_after_the_submit_no_answer_is_taken(database: Database, token: str) -> None:
    answer_all(database, token, [1] * 9)
    submit(database, token)
    with pytest.raises(AlreadySubmitted):
        save(database, token, "phq1", 3, shown=9)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Response)) == 9


def test_an_older_page_with_another_answer_stores_nothing_and_asks(database: Database, token: str) -> None:
    save(database, token, "phq1", 2, shown=0)
    with pytest.raises(NewerAnswer) as caught:
        save(database, token, "phq1", 1, shown=0)
    assert (caught.value.view.chosen, caught.value.offered, caught.value.view.step) == (2, 1, 1)
    with database.reading() as session:
        assert session.scalar(select(Administration.sequence).where(Administration.position == 1)) == 1


def test_what_gives_way_to_a_newer_answer_alerts_all_the_same(database: Database, token: str) -> None:
    """Item 9 at 0 on one device, at 2 on another that was offline: nobody may ever choose between them."""
    save(database, token, "phq9", 0, shown=0)
    with pytest.raises(NewerAnswer) as caught:
        save(database, token, "phq9", 2, shown=0)
    for _ in range(2):  # the script, then the page that it leads to
        with database.writing() as session:
            answering.hear(session, caught.value, at=NOON)
    with database.reading() as session:
        assert session.scalars(select(Alert.value)).all() == [2]
        assert session.scalars(select(AlertStep.kind)).all() == ["raised"]
        assert session.scalars(select(Response.value)).all() == [0]


def test_a_double_click_is_stored_once(database: Database, token: str) -> None:
    first = save(database, token, "phq1", 2, shown=0)
    assert save(database, token, "phq1", 2, shown=0).place == first.place
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Response)) == 1


def test_an_older_page_may_answer_an_item_that_nobody_touched_meanwhile(database: Database, token: str) -> None:
    save(database, token, "phq1", 2, shown=0)
    save(database, token, "phq2", 1, shown=0)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Response)) == 2


def test_changing_an_answer_keeps_both_and_the_later_one_is_current(database: Database, token: str) -> None:
    save(database, token, "phq1", 2, shown=0)
    save(database, token, "phq1", 3, shown=1)
    with database.reading() as session:
        assert session.scalars(select(Response.value).order_by(Response.sequence)).all() == [2, 3]
        assert visit_pages.step(session, token, 1, 1, at=NOON).chosen == 3


@pytest.mark.parametrize(("item", "value"), [("phq1", 4), ("phq1", 99), ("gad1", 1), ("nothing", 1), ("difficulty", 1)])
def test_a_value_or_an_item_that_is_not_asked_is_refused(database: Database, token: str, item: str, value: int) -> None:
    with pytest.raises(InvalidAnswer):
        save(database, token, item, value, shown=0)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Response)) == 0


def test_a_part_that_is_not_there_is_not_found(database: Database, token: str) -> None:
    with pytest.raises(NotFound):
        save(database, token, "phq1", 1, shown=0, part=3)


def test_nothing_is_taken_once_the_window_has_closed(database: Database, token: str) -> None:
    with database.writing() as session:
        session.execute(update(Assessment).values(closed_at=NOON))
    for act in (
        lambda session: answering.save(session, token, 1, Posted("phq1", 1, 0), at=NOON),
        lambda session: answering.submit(session, token, 1, at=NOON),
        lambda session: answering.decline(session, token, 1, at=NOON),
        lambda session: visit_pages.step(session, token, 1, 1, at=NOON),
    ):
        with pytest.raises(visits.AssessmentClosed) as closed, database.writing() as session:
            act(session)
        assert closed.value.clinic.phone == "(303) 555-0142"
    with database.reading() as session:
        assert session.scalars(select(Administration.sequence)).all() == [0, 0]


def test_a_second_start_changes_nothing(database: Database, token: str) -> None:
    with database.writing() as session:
        answering.start(session, token, at=NOON + timedelta(minutes=5))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Administration)) == 2


def test_the_review_names_what_a_skip_costs(database: Database, token: str) -> None:
    answer_all(database, token, [1, None, None, None, 1, 1, 1, 1, 0])
    with database.reading() as session:
        review = visit_pages.review(session, token, 1, at=NOON)
    assert [each.step for each in review.missing] == [2, 3, 4, 10]
    assert review.missing[0].costs == ("Feelings",)
    assert review.missing[0].prorated == ()
    assert review.missing[3].costs == ()  # the difficulty item enters no score


def test_the_administration_keeps_revision_and_hash_of_its_instrument(database: Database, token: str) -> None:
    with database.reading() as session:
        rows = session.scalars(select(Administration).order_by(Administration.position)).all()
        assert [(row.instrument_id, row.instrument_revision) for row in rows] == [("phq-9", 1), ("gad-7", 1)]
        assert all(len(row.content_hash) == 64 for row in rows)
