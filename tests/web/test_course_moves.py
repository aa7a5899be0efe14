"""A course is moved or cancelled on its page: what would happen is said first, then agreed to."""

from dataclasses import replace

import pytest

from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.browsing import Browser
from tests.support.pages import Form

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team)


def form(page: Browser, field: str) -> Form:
    return next(each for each in page.page.forms if field in each.fields)


def test_the_first_day_is_looked_at_then_moved(desk: Browser, course: str) -> None:
    desk.get(f"/courses/{course}")
    move = next(each for each in desk.page.links if each.endswith("/move"))
    desk.get(move)
    assert "planned for Mon 23 Nov 2026" in desk.page.text
    desk.submit(form(desk, "starts_on"), starts_on="2026-11-30")
    assert desk.status == 200
    for said in ("due Mon 23 Nov 2026", "due Mon 30 Nov 2026", "Fri 27 Nov 2026 moves to Fri 4 Dec 2026"):
        assert said in desk.page.text, said
    desk.submit(form(desk, "seen"))
    assert desk.path == f"/courses/{course}"
    assert "The first day is moved" in desk.page.text
    assert "Mon 30 Nov 2026" in desk.page.text


def test_what_changed_meanwhile_is_shown_again(desk: Browser, database: Database, team: Cast, course: str) -> None:
    desk.get(f"/courses/{course}/move")
    desk.submit(form(desk, "starts_on"), starts_on="2026-11-30")
    with database.writing() as session:
        people.answer_part(session, course, team.bob, 0)
    desk.submit(form(desk, "seen"))
    assert desk.status == 409
    assert "Please look again" in desk.page.text
    assert "Stays open for longer" in desk.page.text
    agreed = replace(form(desk, "seen"), action=desk.path)
    for _ in range(2):  # a second press shows the same
        assert desk.submit(agreed).path == f"/courses/{course}"
        assert "The first day is moved" in desk.page.text


def test_an_infusion_on_another_day_says_first_what_it_moves(
    desk: Browser, database: Database, team: Cast, course: str
) -> None:
    with database.writing() as session:
        first = people.infuse(session, course, team.bob, -2)[0]
    desk.get(f"/courses/{course}/infusions")
    assert "3 months, due Fri 19 Feb 2027, to Sun 21 Feb 2027" in desk.page.text
    for said in ("Given on Sun 22 Nov 2026", "3 months, due Fri 19 Feb 2027, to Sat 20 Feb 2027"):
        if said.startswith("Given"):
            desk.submit(form(desk, "given_time"), given_on="2026-11-22", given_time="09:00")
        assert said in desk.page.text, said
    assert desk.status == 200
    desk.submit(form(desk, "given_time"))
    assert "The infusion is recorded" in desk.page.text
    desk.get(f"/infusions/{first}/in-error")
    agreed = form(desk, "seen")
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
    assert desk.submit(agreed).status == 409
    assert "Please look again" in desk.page.text
    agreed = replace(form(desk, "seen"), action=desk.path)
    for _ in range(2):
        assert "marked as entered in error" in desk.submit(agreed).page.text


@pytest.mark.parametrize(("typed", "said"), [("", "fill this in"), ("2028-01-01", "a day within a year of today")])
def test_a_day_that_cannot_be(desk: Browser, course: str, typed: str, said: str) -> None:
    desk.get(f"/courses/{course}/move")
    assert desk.submit(form(desk, "starts_on"), starts_on=typed).status == 422
    assert desk.page.text.count(said) == 2


def test_a_course_is_cancelled_with_a_reason_and_taken_up_again(desk: Browser, course: str) -> None:
    desk.get(f"/courses/{course}/cancel")
    assert "Mon 23 Nov 2026 is cancelled" in desk.page.text
    assert desk.submit(form(desk, "seen"), note=" ").status == 422
    desk.submit(form(desk, "seen"), note="Entered for another patient.")
    assert "The course is cancelled" in desk.page.text
    assert "Entered for another patient." in desk.page.text
    assert not [each for each in desk.page.links if each.endswith(("/move", "/cancel"))]
    again = next(each for each in desk.page.forms if each.action.endswith("/reopen"))
    assert "taken up again" in desk.submit(again).page.text


def test_after_an_infusion_nothing_moves(desk: Browser, database: Database, team: Cast, course: str) -> None:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0)
    for page in ("move", "cancel"):
        assert desk.get(f"/courses/{course}/{page}").status == 409
        assert "An infusion was given" in desk.page.text
