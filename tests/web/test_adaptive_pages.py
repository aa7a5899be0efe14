"""An adaptive part in a browser without scripts: what its pages say, and what an older page meets."""

import re
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, select

from prom_server.store.assessments import Response
from prom_server.store.database import Database
from tests.support import adaptive
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON, Invited
from tests.support.pages import Form

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def alice(database: Database) -> Invited:
    return adaptive.invited(database)


@pytest.fixture
def part(alice: Invited) -> str:
    return f"/answer/{adaptive.part_number()}"


@pytest.fixture
def phone(database: Database, tmp_path: Path, alice: Invited, part: str) -> Browser:
    """At the first item of the adaptive part; the battery has begun, the parts before it are open."""
    return Browser(application(database, tmp_path)).begin(alice.token).get(f"{part}/1")


def count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Response)) or 0


def options(form: Form) -> list[str]:
    return form.options["value"]


def best(phone: Browser) -> Browser:
    return phone.submit(value=options(phone.page.form)[0])


def worst(phone: Browser) -> Browser:
    return phone.submit(value=options(phone.page.form)[-1])


def skip(phone: Browser) -> Browser:
    return phone.submit(go="skip-confirmed")


def to_review(phone: Browser) -> Browser:
    while not phone.path.endswith("/review"):
        assert re.fullmatch(r"/answer/\d/\d+", phone.path), phone.path
        worst(phone)
    return phone


def test_each_step_says_how_many_there_are_at_most(phone: Browser, part: str) -> None:
    assert "· 1 of at most 12" in phone.page.text
    worst(phone)
    assert phone.path == f"{part}/2"
    assert "· 2 of at most 12" in phone.page.text
    skip(phone)
    assert "· 3 of at most 13" in phone.page.text


def test_what_each_answer_leads_to_is_fetched_ahead_and_no_answer_is_in_an_address(phone: Browser, part: str) -> None:
    assert "data-next" not in phone.response.text
    assert f'data-ahead="{part}/1/ahead"' in phone.response.text
    text = phone.client.get(f"{part}/1/ahead").text
    values = [value for found in re.findall(r'<template data-if="([\d ]+)"', text) for value in found.split()]
    assert sorted(values) == options(phone.page.form)
    assert set(re.findall(r'data-address="(.*?)"', text)) == {f"{part}/2"}
    assert text.count("<main") == text.count("<template data-if")
    assert "<html" not in text


@pytest.mark.parametrize("step", [2, 9, 99])
def test_nothing_is_seen_ahead_of_a_step_that_is_not_asked(phone: Browser, part: str, step: int) -> None:
    assert "<template" not in phone.get(f"{part}/{step}/ahead").response.text


def test_the_review_counts_and_lets_go_on(phone: Browser, part: str) -> None:
    to_review(phone)
    assert phone.path == f"{part}/review"
    assert "Every question of this part is answered" in phone.page.text
    assert re.search(r"\b\d+ answered\b", phone.page.text)
    phone.submit()
    assert phone.path != f"{part}/review"


def test_the_review_names_what_was_skipped_and_claims_no_loss_where_there_is_none(phone: Browser) -> None:
    to_review(skip(phone))
    assert "You skipped one question" in phone.page.text
    assert "Another question was asked in its place." in phone.page.text
    assert "cannot be scored" not in phone.page.text
    assert "less precisely" not in phone.page.text
    assert "Send without it" in phone.page.text


def test_the_review_says_when_nothing_can_be_scored(phone: Browser) -> None:
    for _ in range(6):
        skip(phone)
    assert phone.path.endswith("/review")
    assert "You skipped 6 questions" in phone.page.text
    assert phone.page.text.count("cannot be scored from so few answers") == 1


def test_an_answer_from_a_tab_that_the_questions_have_left_is_led_to_where_they_are(
    phone: Browser, part: str, database: Database, noon: "time_machine.Traveller"
) -> None:
    first = phone.page.form
    worst(phone)
    old_tab = phone.page.form
    phone.submit(first, value=options(first)[0], sequence="1")  # the first answer is changed in another tab
    stored = count(database)
    reply = phone.client.post(old_tab.action, data={**old_tab.fields, "value": options(old_tab)[0]}, headers=JSON)
    assert (reply.status_code, reply.json) == (200, {"next": "/answer/go-on"})
    reply = phone.client.post(old_tab.action, data={**old_tab.fields, "value": options(old_tab)[0]})
    assert (reply.status_code, reply.location) == (303, "/answer/go-on")
    assert count(database) == stored
    assert "not asked any more" in phone.get(f"{part}/2").page.text
    assert "not asked any more" not in phone.get(f"{part}/2").page.text


def test_a_step_or_a_review_that_is_not_there_yet_leads_to_where_the_questions_are(phone: Browser, part: str) -> None:
    for ahead in ("2", "9", "review"):
        reply = phone.client.get(f"{part}/{ahead}")
        assert (reply.status_code, reply.location) == (303, "/answer/go-on")
    assert phone.client.get(f"{part}/99").status_code == 404


def test_an_old_review_cannot_send_a_part_that_asks_again(phone: Browser, part: str) -> None:
    first = phone.page.form
    review = to_review(phone).page.form
    sequence = phone.get(f"{part}/1").page.form.fields["sequence"]
    phone.submit(first, value=options(first)[0], sequence=sequence)
    assert re.fullmatch(rf"{part}/\d+", phone.path)
    reply = phone.client.post(f"{part}/review", data=review.fields)
    assert (reply.status_code, reply.location) == (303, "/answer/go-on")


def test_a_conditional_item_that_is_not_shown_any_more_loses_nobody(phone: Browser, database: Database) -> None:
    """The difficulty item of PHQ-9 in an old tab, after all answers became zero."""
    phq = f"/answer/{adaptive.position_of('phq-9')}"
    phone.get(f"{phq}/1").submit(value="1")
    old_tab = phone.get(f"{phq}/10").page.form
    phone.get(f"{phq}/1").submit(value="0")
    stored = count(database)
    reply = phone.client.post(old_tab.action, data={**old_tab.fields, "value": "1"})
    assert (reply.status_code, reply.location) == (303, "/answer/go-on")
    assert count(database) == stored
