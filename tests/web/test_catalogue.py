"""The instruments as staff read them, and the preview: the patient's own pages, nothing stored."""

from datetime import date
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, insert, select

from prom_server.core.permissions import Role
from prom_server.services import catalogue
from prom_server.store.base import Base
from prom_server.store.clinics import Permission
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON
from tests.support.signing_in import signed_in
from tests.unit.definitions.clinic_supplements import SELF_EFFICACY, gad7_in_spanish, pcs, self_efficacy, written


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session, demo=False)
        for role in Role:
            people.set_password(session, team.of(role), by=team.ada)
        return team


@pytest.fixture
def app(database: Database, tmp_path: Path, team: Cast):
    return application(database, tmp_path)


@pytest.fixture
def bob(app, database: Database, team: Cast) -> Browser:
    return signed_in(app, database, team.bob)


def stored(database: Database) -> dict[str, int]:
    """How many rows each table holds. The session's own touch is no row."""
    with database.reading() as session:
        return {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


# ---- The list and the pages


def test_every_instrument_has_a_page(bob: Browser) -> None:
    for each in catalogue.library().instruments():
        bob.get(f"/instruments/{each.id}")
        assert bob.status == 200, each.id
        assert each.licence.holder in bob.page.text
        assert each.content_hash in bob.page.text
        for item in each.items:
            assert item.id in bob.page.text


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_read(app, database: Database, team: Cast, role: Role) -> None:
    reader = signed_in(app, database, team.of(role))
    assert "PHQ-9" in reader.get("/instruments").page.text
    assert reader.get("/instruments/phq-9/preview").status == 200


def test_the_search_narrows_the_list(bob: Browser) -> None:
    bob.get("/instruments?q=catastrophizing")
    assert "PCS" in bob.page.text
    assert "PHQ-9" not in bob.page.text
    assert 'value="catastrophizing"' in bob.response.text
    assert "No instrument has these words" in bob.get("/instruments?q=zebra").page.text


def test_a_recorded_permission_changes_the_state(bob: Browser, database: Database, team: Cast) -> None:
    assert "Permission not recorded" in bob.get("/instruments/promis-29").page.text
    facts = {"granted_by": "H", "granted_on": date(2026, 1, 1), "reference": "R", "recorded_by": team.ada.id}
    with database.writing() as session:
        session.execute(
            insert(Permission).values(clinic_id=team.charlie.clinic.id, family="promis", recorded_at=NOON, **facts)
        )
    assert "Permission not recorded" in bob.get("/instruments/promis-29").page.text  # another clinic's
    with database.writing() as session:
        session.execute(
            insert(Permission).values(clinic_id=team.bob.clinic.id, family="promis", recorded_at=NOON, **facts)
        )
    assert "May be used" in bob.get("/instruments/promis-29").page.text


@pytest.mark.parametrize("path", ["none", "phq-9?revision=99", "phq-9?revision=x", "phq-9?revision=²", "none/preview"])
def test_what_is_not_there_is_not_found(bob: Browser, path: str) -> None:
    assert bob.get(f"/instruments/{path}").status == 404


def test_what_the_clinic_supplied_is_told_and_fills_the_needs(database: Database, tmp_path: Path, team: Cast) -> None:
    supplements = tmp_path / "supplements"
    supplements.mkdir()
    self_efficacy(supplements)
    written(supplements, "pcs.yaml", pcs())
    written(supplements, "gad.yaml", gad7_in_spanish())
    bob = signed_in(application(database, tmp_path, SUPPLEMENTS=str(supplements)), database, team.bob)
    text = bob.get("/instruments/pcs").page.text
    assert "Source: a licence. Entered Tue 24 Nov 2026 by Bob." in " ".join(text.split())
    assert "Wording to be supplied" not in text
    assert "Permission not recorded" in text  # a licence is a clinic's own, and the folder is the server's
    assert "Synthetic wording 13" in text
    text = bob.get(f"/instruments/{SELF_EFFICACY}").page.text
    assert "table of self-efficacy-symptoms" in text
    assert "Table to be supplied" not in text
    bob.get("/instruments/gad-7")
    bob.get(next(link for link in bob.page.links if "language=es" in link))
    go_on(bob, value="1")
    assert "Texto sintético 2" in bob.page.text
    assert bob.get("/instruments/gad-7/preview?language=fr").status == 404


# ---- The preview


def test_a_preview_is_walked_as_a_patient_does_and_nothing_is_stored(bob: Browser, database: Database) -> None:
    before = stored(database)
    bob.get("/instruments/phq-9/preview")
    for _ in range(8):
        assert "Preview. Nothing is stored." in bob.page.text
        go_on(bob, value="1")
    go_on(bob, value="2")
    assert "You can talk to someone now" in bob.page.text
    go_on(bob)
    assert "We will call you" in bob.page.text
    bob.get(next(link for link in bob.page.links if "page=step" in link))
    go_on(bob, value="0")
    assert "Check this part" in bob.page.text
    go_on(bob)
    assert "For staff only" in bob.page.text
    assert "10" in bob.page.text
    assert "Thoughts of self-harm" in bob.page.text
    assert stored(database) == before


def go_on(page: Browser, **typed: str) -> None:
    """Presses the page's button; the answers stand in the address of its form."""
    form = next(each for each in page.page.forms if not each.action.endswith("/sign-out"))
    page.submit(form, **typed) if form.action else page.post(page.response.request.full_path, {**form.fields, **typed})


def test_a_question_may_be_skipped_after_asking_once(bob: Browser) -> None:
    bob.get("/instruments/peg/preview")
    go_on(bob, go="skip")
    assert "Skip this question?" in bob.page.text
    go_on(bob, go="skip-confirmed")
    assert "peg1:-" in bob.response.request.full_path.replace("%3A", ":")
    go_on(bob, value="3")
    go_on(bob, value="4")
    assert "cannot be scored without it" in bob.page.text


def test_nothing_chosen_is_said(bob: Browser) -> None:
    bob.get("/instruments/phq-9/preview")
    go_on(bob)
    assert bob.status == 422
    assert "Please choose an answer" in bob.page.text


@pytest.mark.parametrize("query", ["answers=phq1:9", "answers=nothing:1", "answers=phq1"])
def test_an_address_with_no_answer_is_refused(bob: Browser, query: str) -> None:
    assert bob.get(f"/instruments/phq-9/preview?{query}").status == 422


@pytest.mark.parametrize("query", ["step=0", "step=99", "step=x", "page=nothing", "page=help&step=1"])
def test_a_page_that_is_not_there_is_not_found(bob: Browser, query: str) -> None:
    assert bob.get(f"/instruments/phq-9/preview?{query}").status == 404


def test_an_adaptive_instrument_is_previewed_adaptively(bob: Browser) -> None:
    bob.get("/instruments/promis-depression-cat/preview")
    asked = 0
    while "Check this part" not in bob.page.text:
        go_on(bob, value="3" if asked % 2 else "2")
        asked += 1
        assert asked <= 12
    assert asked >= 4
    go_on(bob)
    assert f"{asked} of {asked}" in bob.page.text


def test_an_instrument_without_its_wording_shows_the_neutral_lines(bob: Browser) -> None:
    assert "wording is licensed" in bob.get("/instruments/pcs/preview").page.text
