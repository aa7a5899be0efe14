"""Every page of a demo whose clock was moved says so; no other page does."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from prom_server import clock
from prom_server.services import time_travel
from prom_server.store.database import Database
from tests import cast as people
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")

MARK = "Demo clock: Sun 21 Feb 2027, 90 days ahead"


@pytest.fixture(autouse=True)
def set_back() -> Iterator[None]:
    yield
    clock.set_ahead(timedelta(0))


def test_staff_patients_and_strangers_read_it(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.cora, by=team.ada)
        time_travel.set_offset(session, timedelta(days=90))
    app = application(database, tmp_path)
    with database.writing() as session:
        link = clinic.invited(session, team.bob, at=clock.now()).token
    for path in ("/sign-in", f"/a/{link}", "/nowhere"):
        assert MARK in Browser(app).get(path).page.text, path
    cora = signed_in(app, database, team.cora)  # at noon of the world's day: ended long ago by the demo's clock
    assert cora.get("/today").path == "/sign-in"


def test_no_mark_where_the_clock_was_not_moved(app, desk: Browser) -> None:
    for browser in (desk, Browser(app)):
        assert "Demo clock" not in browser.get("/today").page.text
