"""An adaptive instrument in a visit: item by item, resumable, with Back and skips; only its answers are stored."""

import pytest
from sqlalchemy import select

from prom_server.core import cat
from prom_server.core.responses import ItemState, states
from prom_server.core.scoring import score
from prom_server.core.trend_facts import NotAnswered
from prom_server.core.visit import Place
from prom_server.services import catalogue, corrections, progress, trends, visit_pages
from prom_server.services.answering import NewerAnswer, NotAskedNow, Unfinished
from prom_server.store.assessments import Administration, Assessment, RecordedScore
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests.support import adaptive, clinic, races, recompute
from tests.support.adaptive import BEST, SKIP, WORST, Answering
from tests.support.clinic import NOON, Invited
from tests.support.live_server import LiveServer
from tests.support.patient import Patient as PatientBrowser

PAIRS = 6


@pytest.fixture
def alice(database: Database) -> Invited:
    return adaptive.invited(database)


@pytest.fixture
def visit(database: Database, alice: Invited) -> Answering:
    return Answering.begin(database, alice)


def test_a_whole_visit_asks_at_most_twelve_and_stores_what_the_answers_score(
    visit: Answering, database: Database
) -> None:
    asked = []
    step = 1
    while True:
        with database.reading() as session:
            view = visit_pages.step(session, visit.token, visit.part, step, at=NOON)
        assert (view.step, view.following, view.chosen) == (len(asked) + 1, None, None)
        assert view.at_most
        assert view.steps == 12
        saved = visit.save(view.item.id, view.item.options[step % 2 + 1].value, view.sequence)
        asked.append(view.item.id)
        if saved.place.step == 0:
            break
        step = saved.place.step
    assert 4 <= len(asked) <= 12
    assert len(set(asked)) == len(asked)
    visit.submit()
    answers = {item: current.value for item, current in visit.stored().items()}
    (expected,) = score(visit.instrument, answers)
    with database.reading() as session:
        assert recompute.differences(session) == []
        stored = session.scalars(select(RecordedScore)).one()
        assert (stored.status, stored.value, stored.se) == ("scored", expected.value, expected.se)
        assert (stored.answered, stored.items, stored.raw) == (len(asked), len(asked), None)


def test_another_device_goes_on_with_the_same_item(visit: Answering, alice: Invited, database: Database) -> None:
    visit.answer(WORST, BEST, SKIP, 3)
    again = Answering.begin(database, alice)
    assert again.token != visit.token
    assert again.asks == visit.asks
    assert again.state.place == 5


def test_back_and_a_changed_answer_lead_another_way_and_nothing_is_lost(visit: Answering) -> None:
    asked = visit.answer(WORST, WORST, WORST)
    saved = visit.save(asked[0], BEST)
    now = visit.state
    assert saved.place == Place(visit.part, now.place)
    assert [item.id for item in now.items[:3]] != asked
    found = states(visit.instrument, now.responses)
    off = [item for item in asked if found[item] is ItemState.NOT_SHOWN]
    assert off
    assert visit.history() == [*((item, WORST) for item in asked), (asked[0], BEST)]
    visit.save(asked[0], WORST)
    assert visit.state.place == 4  # the way is back where it was: nothing is asked again
    assert [item.id for item in visit.state.items[:3]] == asked


def test_what_lies_off_the_way_does_not_count_in_the_score(visit: Answering, database: Database) -> None:
    asked = visit.answer(WORST, WORST, WORST)
    visit.save(asked[0], BEST)
    visit.answer_all(BEST)
    on_the_way = [item.id for item in visit.state.items]
    visit.submit()
    with database.reading() as session:
        assert recompute.differences(session) == []
        assert session.scalars(select(RecordedScore.items)).one() == len(on_the_way) < len(visit.stored())


def test_a_skipped_item_is_replaced_and_not_asked_again(visit: Answering) -> None:
    (skipped,) = visit.answer(SKIP)
    assert visit.asks != skipped
    rest = visit.answer_all(3)
    assert skipped not in rest
    assert states(visit.instrument, visit.stored())[skipped] is ItemState.SKIPPED


def test_a_skipped_item_can_be_answered_from_the_review(visit: Answering, database: Database) -> None:
    (skipped,) = visit.answer(SKIP)
    visit.answer_all(3)
    with database.reading() as session:
        review = visit_pages.review(session, visit.token, visit.part, at=NOON)
    (missing,) = review.missing
    assert (missing.step, missing.costs, missing.pattern) == (1, (), ())  # the score stands
    visit.save(skipped, 3)
    assert states(visit.instrument, visit.stored())[skipped] is ItemState.ANSWERED


def test_six_skipped_items_end_it_without_a_score(visit: Answering, database: Database) -> None:
    visit.answer(WORST, *[SKIP] * 6)
    assert visit.asks is None
    with database.reading() as session:
        review = visit_pages.review(session, visit.token, visit.part, at=NOON)
    assert len(review.missing) == 6
    assert all(each.costs for each in review.missing)
    visit.submit()
    with database.reading() as session:
        stored = session.scalars(select(RecordedScore)).one()
        assert (stored.status, stored.value, stored.band, stored.reason) == (
            "not_scorable",
            None,
            None,
            "items-missing",
        )
        assert (stored.answered, stored.items) == (1, 7)


def test_enough_answers_before_six_skips_are_scored_by_their_pattern(
    visit: Answering, alice: Invited, database: Database
) -> None:
    values = [BEST, WORST, BEST, WORST]  # so uneven that the error stays large
    visit.answer(*values, *[SKIP] * 6)
    assert visit.asks is None
    with database.reading() as session:
        assert all(each.pattern for each in visit_pages.review(session, visit.token, visit.part, at=NOON).missing)
    visit.submit()
    with database.writing() as session:
        stored = session.scalars(select(RecordedScore)).one()
        assert (stored.status, stored.reason, stored.answered, stored.items) == ("pattern", "pattern", 4, 10)
        bob = clinic.member(session, session.get_one(Clinic, 1), name="Pat Example")
        view = trends.trend(session, alice.patient, by=bob, at=NOON, action="trend.view")
    chart = next(each for each in view.charts if each.series.instrument == visit.instrument.id)
    (point,) = chart.remarks
    assert (point.value, point.error_bar) == (stored.value, stored.se)


def test_an_old_tab_stores_nothing_for_an_item_that_is_not_asked_now(visit: Answering) -> None:
    asked = visit.answer(WORST, WORST)
    old = visit.state
    waiting = old.items[-1].id  # open in the old tab
    visit.save(asked[0], BEST)
    assert waiting not in {item.id for item in visit.state.items}
    before = visit.state.sequence, visit.history()
    with pytest.raises(NotAskedNow):
        visit.save(waiting, 3, old.sequence)
    assert (visit.state.sequence, visit.history()) == before
    with pytest.raises(NotAskedNow), visit.database.reading() as session:
        visit_pages.step(session, visit.token, visit.part, len(visit.state.items) + 1, at=NOON)


def test_two_tabs_at_one_item_are_shown_both_answers(visit: Answering) -> None:
    shown = visit.state.sequence
    (item,) = visit.answer(WORST)
    assert visit.save(item, WORST, shown).place == Place(visit.part, 2)  # a double click
    with pytest.raises(NewerAnswer) as asked:
        visit.save(item, BEST, shown)
    assert (asked.value.view.chosen, asked.value.offered) == (WORST, BEST)
    assert visit.history() == [(item, WORST)]


def test_before_its_end_it_is_neither_reviewed_nor_submitted(visit: Answering, database: Database) -> None:
    visit.answer(WORST, WORST, WORST)
    with pytest.raises(Unfinished), database.reading() as session:
        visit_pages.review(session, visit.token, visit.part, at=NOON)
    with pytest.raises(Unfinished):
        visit.submit()
    with database.reading() as session:
        assert session.scalars(select(RecordedScore)).all() == []
        mine = select(Administration.submitted_at).where(Administration.id == visit.state.id)
        assert session.scalars(mine).one() is None


def test_a_changed_answer_after_the_end_opens_it_again_for_an_old_review(visit: Answering) -> None:
    asked = visit.answer_all(WORST)
    visit.save(asked[0], BEST)
    if visit.asks is None:
        pytest.fail("the changed answer was expected to ask for more")
    with pytest.raises(Unfinished):
        visit.submit()


def test_every_item_keeps_why_it_has_no_value(visit: Answering, alice: Invited, database: Database) -> None:
    answered, skipped = visit.answer(3, SKIP)
    waiting = visit.asks
    found = states(visit.instrument, visit.stored())
    every = list(found.items())
    assert found.pop(answered) is ItemState.ANSWERED
    assert found.pop(skipped) is ItemState.SKIPPED
    assert found.pop(str(waiting)) is ItemState.NOT_REACHED
    assert set(found.values()) == {ItemState.NOT_SHOWN}
    with database.writing() as session:
        bob = clinic.member(session, session.get_one(Clinic, 1), name="Pat Example")
        facts = trends._facts(session, session.scalars(select(Patient)).one(), by=bob, at=NOON)
    (baseline,) = [each for each in facts.assessments if each.id == alice.assessment]
    begun = baseline.administration(visit.instrument.id)
    assert begun is not None
    assert (begun.answered, begun.items) == (1, 3)
    assert begun.responses == {item: 3 if state is ItemState.ANSWERED else NotAnswered(state) for item, state in every}


def test_progress_counts_to_the_most_and_after_the_end_to_what_was_asked(
    visit: Answering, alice: Invited, database: Database
) -> None:
    visit.answer(3, SKIP, 3)
    most = 12
    with database.reading() as session:
        assert progress.of_administrations(session, [visit.state.id])[visit.state.id] == progress.Counted(2, most)
    asked = 3 + len(visit.answer_all(3))
    visit.submit()
    with database.writing() as session:
        counted = progress.of_administrations(session, [visit.state.id])[visit.state.id]
        assert counted == progress.Counted(asked - 1, asked)
        assessment = session.scalars(select(Assessment.id).where(Assessment.public_id == alice.assessment)).one()
        done = progress.of_assessments(session, [assessment])[assessment]
        assert (done.answered, done.submitted, done.spared) == (asked - 1, 1, most - asked)
        bob = clinic.member(session, session.get_one(Clinic, 1), name="Pat Example")
        lines = corrections.administrations(session, alice.patient, by=bob, at=NOON).rows
        mine = next(each for each in lines if each.instrument == visit.instrument.short)
        assert (mine.answered, mine.items) == (asked - 1, asked)


def test_the_welcome_says_at_most(visit: Answering, database: Database) -> None:
    with database.reading() as session:
        view = visit_pages.welcome(session, visit.token, at=NOON)
    assert view.questions == sum(
        12 if adaptive.is_adaptive(id_) else len(catalogue.instrument(id_).scored_items)
        for id_ in catalogue.protocol(adaptive.PROTOCOL).battery
    )
    assert view.at_most


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_changed_answer_against_the_submit(database: Database, live_server: LiveServer) -> None:
    """Whichever came first: either the part is scored as it stood, or it asks on and is not submitted."""
    links = clinic.invitations_for(database, PAIRS, protocol=adaptive.PROTOCOL)
    part = f"/answer/{adaptive.part_number()}"
    for link in links:
        first = PatientBrowser(live_server.port).begin(link).get(f"{part}/1")
        step = 1
        while first.path == f"{part}/{step}":
            form = first.page.form
            first.post(form.action, {**form.fields, "value": "5"})
            step += 1
            first.get(f"{part}/{step}")
        submit = first.get(f"{part}/review").page.form
        assert first.path == f"{part}/review"
        second = races.twin(first).get(f"{part}/1")
        change = second.page.form
        races.together(
            lambda tab=first, form=submit: tab.post(f"{part}/review", form.fields),
            lambda tab=second, form=change: tab.post(form.action, {**form.fields, "value": "1"}),
        )
        assert first.status == 200
        assert second.status in {200, 409}
    with database.reading() as session:
        assert recompute.differences(session) == []
        for row in session.scalars(select(Administration).where(Administration.position == adaptive.part_number())):
            path = cat.replay(
                catalogue.instrument(row.instrument_id),
                {item: each.value for item, each in recompute.current(session, row.id).items()},
            )
            assert row.submitted_at is None or path.item is None
