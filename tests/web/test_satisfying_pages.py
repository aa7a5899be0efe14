"""Answers to another assessment are used here too, and one that closed is opened again: on their pages."""

from collections.abc import Callable
from datetime import datetime

import pytest
import time_machine
from flask import Flask

from prom_server.store.database import Database
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.pages import Form
from tests.support.signing_in import signed_in
from tests.support.two_courses import DAY, MONTH_3, answer, first_course, second_course


@pytest.fixture
def desk_on(app: Flask, database: Database, team: Cast):
    """Cora at the desk, at another moment."""
    with time_machine.travel(NOON, tick=False) as traveller:

        def at(moment: datetime) -> Browser:
            traveller.move_to(moment)
            return signed_in(app, database, team.cora, at=moment)

        yield at


@pytest.fixture
def first(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return first_course(session, team)


def form(page: Browser, ends: str = "") -> Form:
    """The form of the page's own address, or the one that posts to an address that ends so."""
    return next(each for each in page.page.forms if each.method == "post" and each.action.endswith(ends))


def test_answers_are_used_from_the_course_and_given_back(
    desk_on: Callable[[datetime], Browser], database: Database, team: Cast, first: str
) -> None:
    with database.writing() as session:
        answer(session, team, first, "month-3")
        course = second_course(session, team)
        baseline = clinic.assessment_of(session, course, "baseline")
    desk = desk_on(MONTH_3)
    desk.get(f"/courses/{course}")
    assert f"/assessments/{baseline}/other-answers" in desk.page.links
    desk.get(f"/assessments/{baseline}/why")
    assert "PHQ-9, GAD-7: answered on Thu 25 Feb 2027 for 3 months, 1st course." in desk.page.text
    desk.get(f"/assessments/{baseline}/other-answers")
    own = next(each for each in desk.page.forms if each.method == "post" and not each.action)
    desk.submit(own)
    assert desk.path == f"/assessments/{baseline}/why"
    for said in ("The answers count here too.", "Completed", "Cora Example", "Answered by an earlier questionnaire"):
        assert said in desk.page.text, said
    desk.get(f"/courses/{course}")
    assert "2 parts answered for another assessment" in desk.page.text
    desk.get(f"/patients/{team.alice}")
    assert "(same answers as 3 months of course 1: PHQ-9, GAD-7)" in desk.page.text
    assert desk.page.text.count("same answers as 3 months of course 1") == 2  # at its column, and how it was answered
    desk.get(f"/assessments/{baseline}/other-answers")
    desk.submit(form(desk, "/undo"))
    assert "The answers count here no more." in desk.page.text
    assert "Open" in desk.page.text


def test_without_such_answers_the_page_says_what_would_be_there(
    desk_on: Callable[[datetime], Browser], database: Database, first: str
) -> None:
    with database.reading() as session:
        assessment = clinic.assessment_of(session, first, "month-3")
    desk = desk_on(MONTH_3)
    desk.get(f"/assessments/{assessment}/other-answers")
    assert "Answers to an assessment of another course would be here" in desk.page.text
    desk.get(f"/courses/{first}")
    token = form(desk).fields["csrf_token"]
    desk.post(f"/assessments/{assessment}/other-answers", {"csrf_token": token})
    assert desk.status == 409
    assert "No answers to use" in desk.page.text


def test_what_closed_is_opened_again_from_the_course(
    desk_on: Callable[[datetime], Browser], database: Database, first: str
) -> None:
    with database.reading() as session:
        assessment = clinic.assessment_of(session, first, "month-3")
    desk = desk_on(NOON + 130 * DAY)
    desk.get(f"/courses/{first}")
    ask = f"/assessments/{assessment}/reopen"
    assert ask in desk.page.links
    desk.get(ask)
    own = next(each for each in desk.page.forms if each.method == "post" and not each.action)
    assert own.fields["until"] == "2027-04-16"
    assert desk.submit(own, until="2028-01-01", reason="Was travelling.").status == 422
    assert "Please give a day from today to the latest one named below." in desk.page.text
    assert desk.submit(own, reason=" ").status == 422
    assert "Please fill this in." in desk.page.text
    desk.submit(own, reason="Was travelling.")
    assert desk.path == f"/assessments/{assessment}/why"
    assert "It is open again." in desk.page.text
    assert "Was travelling." in desk.page.text
    desk.get(f"/courses/{first}")
    assert "opened again" in desk.page.text
    assert f"/assessments/{assessment}/reopen" not in desk.page.links
    assert desk.get(ask).status == 409
    assert "It has not closed" in desk.page.text
