"""Calls and the funnel as pages: one person at a time, one press for each outcome, nothing personal in an address."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from prom_server.core.contacts import Kind
from prom_server.services import call_list, contacts, courses, invitations
from prom_server.store.contact import Call
from prom_server.store.database import Database, DatabaseUnavailable
from prom_server.store.invitations import Invitation
from prom_server.web import visit_entry
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser
from tests.support.clinic import NOON, Invited
from tests.support.pages import Form
from tests.support.signing_in import signed_in

DAY = timedelta(days=1)
OVERDUE = NOON + 98 * DAY


@pytest.fixture
def month_3(database: Database, team: Cast) -> str:
    with database.writing() as session:
        course = people.start(session, team)
        courses.record_infusion(session, course, NOON, by=team.cora, at=NOON)
        return clinic.assessment_of(session, course, "month-3")


@pytest.fixture
def cora(app: Flask, database: Database, team: Cast, month_3: str) -> Iterator[Browser]:
    """At the desk, on the day when somebody is to be rung."""
    with time_machine.travel(OVERDUE, tick=False):
        yield signed_in(app, database, team.cora, at=OVERDUE)


def of(page: Browser, outcome: str) -> Form:
    return next(each for each in page.page.forms if each.fields.get("outcome") == outcome)


def outcomes(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Call.outcome).order_by(Call.id)))


def ring(cora: Browser) -> Browser:
    pressed = next(each for each in cora.get("/calls").page.forms if each.action.endswith("/calls/next"))
    return cora.submit(pressed)


def test_the_next_person_is_one_page(cora: Browser, database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        contacts.set_calls(session, team.alice, "weekdays after 5 pm", None, by=team.cora, at=NOON)
    ring(cora)
    assert cora.path == f"/assessments/{month_3}/call"
    said = cora.page.text
    for expected in ("Alice Specimen", "12 Mar 1968", "weekdays after 5 pm", "Not asked, so no", "English", "0 of 16"):
        assert expected in said
    assert "Please ring us back" not in said  # no message may be left
    assert not [each for each in cora.page.forms if each.fields.get("outcome") == "left_message"]
    assert "tel:3035550100" in cora.response.text
    cora.get("/calls")
    assert "You are ringing Alice Specimen" in cora.page.text


def test_voicemail_where_a_message_may_be_left(cora: Browser, database: Database, team: Cast) -> None:
    with database.writing() as session:
        contacts.set_calls(session, team.alice, None, True, by=team.cora, at=NOON)
    assert "Please ring us back: (303) 555-0142" in ring(cora).page.text
    cora.submit(of(cora, "left_message"))
    assert outcomes(database) == ["left_message"]


def test_a_message_is_refused_in_plain_words(cora: Browser, database: Database, month_3: str) -> None:
    ring(cora).submit(of(cora, "no_answer"), outcome="left_message")
    assert (cora.status, outcomes(database)) == (422, [])
    assert "No message may be left for this patient" in cora.page.text


@pytest.mark.parametrize(("outcome", "says"), [("no_answer", "no answer"), ("wrong_number", "the number is removed")])
def test_one_press_and_on_to_the_next(cora: Browser, database: Database, outcome: str, says: str) -> None:
    ring(cora).submit(of(cora, outcome))
    assert cora.path == "/calls"  # nobody is left
    assert says in cora.page.text
    assert outcomes(database) == [outcome]


def test_answers_now_lead_to_the_interview(cora: Browser, month_3: str) -> None:
    ring(cora).submit(of(cora, "done"))
    assert cora.path == f"/assessments/{month_3}/entry"


def test_online_sends_a_link_or_says_why_not(cora: Browser, database: Database, team: Cast, month_3: str) -> None:
    ring(cora).submit(of(cora, "online"))
    assert cora.path == f"/assessments/{month_3}/link"
    assert "No message can go to this patient" in cora.page.text
    with database.writing() as session:
        contacts.set_address(session, team.alice, Kind.EMAIL, "a@example.org", consent=True, by=team.cora, at=NOON)
    cora.get(f"/assessments/{month_3}/call")
    cora.submit(of(cora, "online"))
    assert "A new link is in the outbox" in cora.page.text


def test_a_call_back_needs_a_time_within_the_window(cora: Browser, database: Database, month_3: str) -> None:
    ring(cora).submit(of(cora, "call_back"))
    assert cora.status == 422
    assert cora.page.text.count("Please fill this in.") == 4  # the day and the time, at the head and in their places
    cora.submit(of(cora, "call_back"), back_on="2027-03-24", back_at="10:00")  # the day after the last
    assert "up to the last day accepted" in cora.page.text
    cora.submit(of(cora, "call_back"), back_on="2027-03-02", back_at="16:30", note="After work.")
    assert outcomes(database) == ["call_back"]
    with database.reading() as session:
        (call,) = session.scalars(select(Call)).all()
    assert call.again_at.isoformat() == "2027-03-02T23:30:00+00:00"
    assert "After work." in cora.get(f"/assessments/{month_3}/call").page.text


def test_a_decline_can_be_taken_back(cora: Browser, database: Database, month_3: str) -> None:
    ring(cora).submit(of(cora, "declined"))
    assert "Please give the reason." in cora.page.text
    cora.submit(of(cora, "declined"), reason="Has no time.")
    assert outcomes(database) == ["declined"]
    cora.get(f"/assessments/{month_3}/call")
    assert "Has no time." in cora.page.text
    cora.submit(next(each for each in cora.page.forms if each.action.endswith("/decline/undo")))
    assert [each for each in cora.page.forms if each.fields.get("outcome") == "declined"]


def test_somebody_else_is_ringing(cora: Browser, database: Database, team: Cast, month_3: str) -> None:
    shown = ring(cora).page.text and of(cora, "no_answer")
    cora.get(f"/assessments/{month_3}/call")
    cora.submit(next(each for each in cora.page.forms if each.action.endswith("/release")))
    take = next(each for each in cora.page.forms if each.action.endswith("/take"))
    with database.writing() as session:
        call_list.take(session, month_3, by=team.bob, at=OVERDUE)
    assert "Bob Example is ringing since today 12:00" in cora.get("/calls").page.text
    assert not [each for each in cora.get(f"/assessments/{month_3}/call").page.forms if "outcome" in each.fields]
    cora.submit(shown)
    assert (cora.status, outcomes(database)) == (409, [])
    cora.submit(take)
    assert (cora.status, "A colleague is ringing this patient" in cora.page.text) == (409, True)


def test_why_tells_of_the_calls(cora: Browser, database: Database, month_3: str) -> None:
    ring(cora).submit(of(cora, "no_answer"))
    said = cora.get(f"/assessments/{month_3}/why").page.text
    assert "No answer" in said
    assert "Page of its call looked at" in said


# ---- The funnel


def test_the_funnel_and_its_file(cora: Browser, database: Database, team: Cast, month_3: str) -> None:
    with database.writing() as session:
        invitations.issue(session, month_3, by=team.cora, at=OVERDUE)
    cora.get("/funnel")
    said = " ".join(cora.page.text.split())
    assert "3 assessments due in this time" in said
    assert "of 3, 33 %" in said
    assert "2 stopped before" in said
    assert "Alice" not in cora.page.text
    file = cora.client.get("/funnel.csv?first=2026-03-01&last=2027-08-01")
    assert file.mimetype == "text/csv"
    lines = file.text.splitlines()
    assert lines[0] == "time_point,name,kind,which,due,sent,opened,identified,started,finished"
    assert "month-3,3 months,channel,link,1,1,0,0,0,0" in lines
    assert "month-6,6 months,apart,to_come,1" in lines


def test_a_period_that_makes_no_sense(cora: Browser) -> None:
    for wrong in ("first=2027-03-01&last=2027-02-01", "first=x&last=", "first=2020-01-01&last=2027-01-01"):
        assert cora.get(f"/funnel?{wrong}").status == 422
        assert cora.get(f"/funnel.csv?{wrong}").status == 422
    assert "No assessment was due" in cora.get("/funnel?first=2020-01-01&last=2020-02-01").page.text


# ---- The first look at a link


def opened_at(database: Database):
    with database.reading() as session:
        return session.scalars(select(Invitation.opened_at)).one()


def test_a_look_at_a_link_is_noted_once(app, database: Database, alice: Invited, noon: time_machine.Traveller) -> None:
    somebody = Browser(app)
    assert somebody.client.head(f"/a/{alice.token}").status_code == 200
    for name in ("Sec-Purpose", "Purpose", "X-Moz"):
        assert somebody.client.get(f"/a/{alice.token}", headers={name: "prefetch;prerender"}).status_code == 200
    assert opened_at(database) is None
    somebody.get(f"/a/{alice.token}")
    assert opened_at(database) == NOON
    noon.shift(60)
    somebody.get(f"/a/{alice.token}")
    assert opened_at(database) == NOON


def test_the_page_is_shown_where_the_look_cannot_be_written_down(
    app, database: Database, alice: Invited, noon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away():
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(visit_entry, "transaction", away)
    assert Browser(app).get(f"/a/{alice.token}").status == 200
    assert opened_at(database) is None
