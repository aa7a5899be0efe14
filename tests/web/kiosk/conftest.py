"""A clinic at noon, its desk and a tablet: for the pages of a tablet without scripts."""

import pytest
import time_machine
from sqlalchemy import select

from prom_server.core.permissions import Role
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.kiosk_pages import made


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        for who in (team.bob, team.cora, team.ada):
            people.set_password(session, who, by=team.ada)
        elsewhere = session.get_one(Clinic, team.charlie.clinic.id)
        people.set_password(session, team.charlie, by=clinic.member(session, elsewhere, Role.ADMINISTRATOR, "Abe Two"))
        people.start(session, team)
        return team


@pytest.fixture
def tablet(app, database: Database, team: Cast) -> Browser:
    return made(app, database, team, "Tablet 2")


@pytest.fixture
def baseline(database: Database, team: Cast) -> str:
    with database.reading() as session:
        course = session.scalars(select(Course.public_id).where(Course.clinic_id == team.bob.clinic.id)).one()
        return clinic.assessment_of(session, course, "baseline")
