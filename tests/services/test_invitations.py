"""Private links: stored as a hash, each replacing the one before, only where answers are or will be accepted."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from prom_server.core.invitations import AssessmentOver
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.tokens import hash_token
from prom_server.services import invitations, visits
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def baseline(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return clinic.assessment_of(session, people.start(session, team), "baseline")


def issue(database: Database, team: Cast, assessment: str, *, at=NOON) -> str:
    with database.writing() as session:
        return invitations.issue(session, assessment, by=team.cora, at=at).token


def test_a_new_link_replaces_the_one_before(database: Database, team: Cast, baseline: str) -> None:
    first, second = issue(database, team, baseline), issue(database, team, baseline)
    with database.reading() as session:
        rows = session.execute(select(Invitation.token_hash, Invitation.superseded_at).order_by(Invitation.id)).all()
        assert [row.token_hash for row in rows] == [hash_token(first), hash_token(second)]
        assert [row.superseded_at for row in rows] == [NOON, None]
        visits.look_at_link(session, second, at=NOON)
        with pytest.raises(visits.LinkSuperseded):  # see test_links for the days before
            visits.look_at_link(session, first, at=NOON + timedelta(days=31))


def test_links_of_other_assessments_stay(database: Database, team: Cast, baseline: str) -> None:
    with database.reading() as session:
        other = session.scalars(select(Assessment.public_id).where(Assessment.time_point == "last-infusion")).one()
    issue(database, team, baseline)
    issue(database, team, other)  # scheduled: it opens later, and the link may be out before
    assert people.count(database, Invitation, Invitation.superseded_at.is_(None)) == 2


@pytest.mark.parametrize("column", ["completed_at", "cancelled_at", "closed_at"])
def test_no_link_for_what_is_over(database: Database, team: Cast, baseline: str, column: str) -> None:
    with database.writing() as session:
        session.execute(update(Assessment).values({column: NOON}))
    with pytest.raises(AssessmentOver):
        issue(database, team, baseline)


def test_no_link_after_the_last_day(database: Database, team: Cast, baseline: str) -> None:
    with pytest.raises(AssessmentOver):
        issue(database, team, baseline, at=NOON + timedelta(days=32))


def test_the_page_says_what_is_out(database: Database, team: Cast, baseline: str) -> None:
    with database.writing() as session:
        assert invitations.link_page(session, baseline, by=team.bob, at=NOON).link_made_at is None
    issue(database, team, baseline)
    with database.writing() as session:
        page = invitations.link_page(session, baseline, by=team.bob, at=NOON)
        assert (page.link_made_at, page.link_made_by) == (NOON, "Cora Example")
        assert people.audited(session)[-2:] == ["invitation.issue", "assessment.view"]


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast, baseline: str) -> None:
    with database.writing() as session:
        for attempt in (invitations.issue, invitations.link_page):
            with pytest.raises(NotFound):
                attempt(session, baseline, by=team.charlie, at=NOON)
            with pytest.raises(NotAllowed):
                attempt(session, baseline, by=team.ada, at=NOON)
