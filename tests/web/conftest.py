"""A clinic at Monday noon and its application, for pages without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON, Invited
from tests.support.signing_in import signed_in


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def alice(database: Database) -> Invited:
    """With a link to a baseline that is open."""
    clinic.bind_definitions()
    with database.writing() as session:
        return clinic.invited(session, clinic.member(session, clinic.clinic(session)))


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        for who in (team.bob, team.cora, team.ada):
            people.set_password(session, who, by=team.ada)
        return team


@pytest.fixture
def app(database: Database, tmp_path: Path, team: Cast) -> Flask:
    return application(database, tmp_path)


@pytest.fixture
def desk(app: Flask, database: Database, team: Cast) -> Browser:
    """Cora at the desk, signed in."""
    return signed_in(app, database, team.cora)
