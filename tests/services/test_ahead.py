"""Looking ahead in an adaptive part: the page that each answer would lead to, before it is given."""

import pytest

from prom_server.core.visit_views import Alternative
from prom_server.services import visit_pages
from prom_server.store.database import Database
from tests.support import adaptive
from tests.support.adaptive import BEST, SKIP, WORST, Answering
from tests.support.clinic import NOON
from tests.support.databases import only_sqlite

pytestmark = only_sqlite  # what a reading knows is tested with the pages, on both


@pytest.fixture
def visit(database: Database) -> Answering:
    return Answering.begin(database, adaptive.invited(database))


def ahead(visit: Answering, step: int) -> tuple[Alternative, ...]:
    with visit.database.reading() as session:
        return visit_pages.ahead(session, visit.token, visit.part, step, at=NOON)


def foreseen(visit: Answering, step: int) -> dict[int, tuple[int, str, int]]:
    """By value: the step that follows, the item that it asks, and the sequence of its page."""
    found = {value: each.view for each in ahead(visit, step) for value in each.values}
    return {value: (view.step, view.item.id, view.sequence) for value, view in found.items()}


@pytest.mark.parametrize("before", [(), (WORST,), (BEST, SKIP), (3, 3)])
@pytest.mark.parametrize("value", [1, 2, 3, 4, 5])
def test_each_answer_leads_where_it_was_foreseen(visit: Answering, before: tuple[int | None, ...], value: int) -> None:
    visit.answer(*before)
    step, item = visit.state.place, visit.asks
    expected = foreseen(visit, step)
    assert item is not None
    saved = visit.save(item, value)
    if saved.place.step == 0:
        assert value not in expected
        return
    with visit.database.reading() as session:
        view = visit_pages.step(session, visit.token, visit.part, saved.place.step, at=NOON)
    assert expected[value] == (view.step, view.item.id, view.sequence)


def test_what_was_answered_after_it_is_not_asked_again(visit: Answering) -> None:
    """Back at the first item: the same answer leads to the open one, another answer another way."""
    visit.answer(3, 3)
    expected = foreseen(visit, 1)
    assert expected[3][:2] == (3, visit.asks)
    assert expected[WORST][0] == 2


def test_the_last_answer_leads_to_no_page(visit: Answering) -> None:
    asked = visit.answer_all(3)
    assert [each.values for each in ahead(visit, len(asked)) if 3 in each.values] == []


def test_a_fixed_part_says_itself_what_follows(visit: Answering) -> None:
    with visit.database.reading() as session:
        assert visit_pages.ahead(session, visit.token, 1, 1, at=NOON) == ()
        view = visit_pages.step(session, visit.token, 1, 1, at=NOON)
    assert view.following is not None
    assert not view.adaptive
