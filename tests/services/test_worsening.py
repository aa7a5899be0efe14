"""Alerts of whole forms: worse than this course's baseline, an item that rises, an instrument's own rule on a score."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select, update

from prom_server.core.alert_causes import CauseKind
from prom_server.core.instrument import ScoreAlert
from prom_server.core.permissions import Role
from prom_server.core.worsening import ItemRises, Margin, Worsening
from prom_server.services import (
    alert_desk,
    alert_views,
    answering,
    catalogue,
    corrections,
    invitations,
    pinning,
    visit_pages,
    visits,
)
from prom_server.services.alert_desk import Outcome
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert, AlertStep
from prom_server.store.assessments import Administration
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON

DAY = timedelta(days=1)
LAST = NOON + 4 * DAY
RULES = (
    Worsening("phq-9", "total", Margin.MCID, "a decision, for this test"),
    ItemRises("phq-9", "phq9", "a decision, for this test"),
)
SUBMIT = 15  # statements: the ten of every submit, and five because it raises
WORSE = "mcid-total"


@pytest.fixture
def team(database: Database, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """The course's protocol has both rules."""
    found = catalogue.protocol
    monkeypatch.setattr(catalogue, "protocol", lambda *named: replace(found(*named), alerts=RULES))
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team)


def answer(database: Database, team: Cast, course: str, point: str, values: list[int | None], at=NOON) -> str:
    """The PHQ-9 of one time point, item by item, and sent; Alice's session."""
    token = begin(database, team, course, point, values, at=at)
    with database.writing() as session:
        people.submit_part(session, token, at=at)
    return token


def begin(database: Database, team: Cast, course: str, point: str, values: list[int | None], *, at: datetime) -> str:
    """As `answer`, but not sent."""
    with database.writing() as session:
        link = invitations.issue(session, clinic.assessment_of(session, course, point), by=team.bob, at=at).token
        visits.count_attempt(session, link, at=at)
        token = visits.identify(session, link, BIRTH_DATE, at=at).token
        assert token is not None
        answering.start(session, token, at=at)
        for number, value in enumerate(values, 1):
            step = visit_pages.step(session, token, 1, number, at=at)
            answering.save(session, token, 1, Posted(step.item.id, value, step.sequence), at=at)
        return token


def follow(database: Database, team: Cast, course: str, values: list[int | None]) -> str:
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0, 1, 2, 3, 4)
    return answer(database, team, course, "last-infusion", values, at=LAST)


def of(total: int, item_9: int = 0) -> list[int | None]:
    """Nine answers that sum to so much."""
    left = total - item_9
    return [min(3, max(0, left - 3 * n)) for n in range(8)] + [item_9]


def raised(database: Database) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    with database.reading() as session:
        return {row.rule: (row.score, row.compared_with) for row in session.scalars(select(Alert).order_by(Alert.id))}


def test_exactly_the_threshold_worse_than_at_baseline(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(8))
    assert raised(database) == {}
    follow(database, team, course, of(13))
    assert raised(database) == {WORSE: (13, 8)}


def test_the_submit_that_raises_costs_the_same_however_many_are_told(
    database: Database, team: Cast, course: str
) -> None:
    """More than another submit: a savepoint, the arrangements, the alert, all its messages, its step. Once in a form,
    and at its end: what a patient waits for there is not the next question.
    """
    with database.writing() as session:
        for n in range(20):
            clinic.member(session, team.bob.clinic, Role.CLINICIAN, f"P{n} Example")
        session.execute(update(Staff).values(alerts_by="email"))
    answer(database, team, course, "baseline", of(8))
    with database.writing() as session:
        people.infuse(session, course, team.bob, 0, 1, 2, 3, 4)
    token = begin(database, team, course, "last-infusion", of(13), at=LAST)
    sent: list[str] = []
    with database.writing() as session:
        session.connection()
        event.listen(session.get_bind(), "before_cursor_execute", lambda *each: sent.append(each[2]))
        people.submit_part(session, token, at=LAST)
    assert len(sent) <= SUBMIT, "\n".join(each[:110].replace("\n", " ") for each in sent)
    assert raised(database) == {WORSE: (13, 8)}


def test_one_point_less_raises_nothing(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(8))
    follow(database, team, course, of(12))
    assert raised(database) == {}


def test_without_a_baseline_of_this_course_nothing_is_worse(database: Database, team: Cast, course: str) -> None:
    follow(database, team, course, of(24))
    assert raised(database) == {}


def test_it_counts_from_the_baseline_and_not_from_the_time_before(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(8))
    follow(database, team, course, of(2))
    answer(database, team, course, "month-3", of(12), at=LAST + 90 * DAY)
    assert raised(database) == {}


def test_a_baseline_entered_in_error_is_none(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(0))
    with database.writing() as session:
        baseline = session.scalars(
            select(Administration.public_id).where(Administration.submitted_at.is_not(None))
        ).one()
        corrections.mark_in_error(session, baseline, "wrong patient", by=team.bob, at=NOON)
    follow(database, team, course, of(24))
    assert raised(database) == {}


def test_a_score_that_is_not_scorable_is_not_worse(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(0))
    follow(database, team, course, [3, 3, 3, 3, 3, 3, None, None, None])
    assert raised(database).keys() == {"item-9-not-answered"}


def test_what_is_sent_again_and_is_worse_opens_it_again(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(3))
    token = follow(database, team, course, of(10))
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        alert_desk.resolve(session, alert, Outcome("spoke_with_patient"), by=team.bob, at=LAST)
        session.execute(  # as when it is asked again
            update(Administration).where(Administration.submitted_at == LAST).values(submitted_at=None)
        )
        step = visit_pages.step(session, token, 1, 8, at=LAST)
        answering.save(session, token, 1, Posted(step.item.id, 3, step.sequence), at=LAST)
        people.submit_part(session, token, at=LAST)
    assert raised(database) == {WORSE: (13, 3)}
    with database.reading() as session:
        rows = session.execute(select(AlertStep.kind, AlertStep.score).order_by(AlertStep.id))
        assert [tuple(row) for row in rows] == [
            ("raised", 10),
            ("acknowledged", None),
            ("resolved", None),
            ("answered", 13),
            ("reopened", None),
        ]
        assert alert_desk.heading(session, by=team.bob).alerts == 1


def test_item_9_above_the_answer_before_says_so_in_its_own_alert(database: Database, team: Cast, course: str) -> None:
    """One answer is one alert: two of the same would teach staff to press past them."""
    answer(database, team, course, "baseline", of(8, 1))
    follow(database, team, course, of(9, 2))
    assert raised(database) == {"item-9": (None, 1)}


def test_an_item_without_an_alert_of_its_own_that_rises(
    database: Database, team: Cast, course: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = catalogue.protocol
    sleep = ItemRises("phq-9", "phq3", "a decision, for this test")
    monkeypatch.setattr(catalogue, "protocol", lambda *named: replace(found(*named), alerts=(sleep,)))
    answer(database, team, course, "baseline", of(3))
    follow(database, team, course, of(9))
    assert raised(database) == {sleep.rule: (None, 0)}


def test_item_9_as_before_is_an_alert_and_no_rise(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(8, 2))
    follow(database, team, course, of(9, 2))
    assert raised(database).keys() == {"item-9"}


def test_the_page_says_what_raised_it(database: Database, team: Cast, course: str) -> None:
    answer(database, team, course, "baseline", of(8))
    follow(database, team, course, of(14))
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        asked = alert_views.alert_view(session, alert, by=team.bob, at=LAST).line.asked
    cause = asked.cause
    assert cause is not None
    assert (cause.kind, cause.scale, cause.now, cause.difference, cause.higher) == (
        CauseKind.MCID,
        "PHQ-9",
        14,
        6,
        True,
    )
    assert (cause.limit, cause.source) == (5, "Loewe 2004, to be confirmed")


def test_an_instrument_s_own_rule_on_its_score(
    database: Database, team: Cast, course: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_with = pinning.begun_with
    rule = ScoreAlert("severe", "total", "Severe score", "a decision, for this test", at_least=Decimal(20))

    def watched(*of: object):
        found = begun_with(*of)
        return replace(found, score_alerts=(rule,)) if found.id == "phq-9" else found

    monkeypatch.setattr(pinning, "begun_with", watched)
    answer(database, team, course, "baseline", of(19))
    assert raised(database) == {}
    follow(database, team, course, of(20))
    assert raised(database) == {"severe": (20, None)}
    with database.reading() as session:
        (line,) = alert_desk.heading(session, by=team.bob).rows
    assert (line.asked.topic, line.asked.cause.kind if line.asked.cause else None) == (
        "Severe score",
        CauseKind.AT_LEAST,
    )
