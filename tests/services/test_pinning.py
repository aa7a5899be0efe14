"""An administration goes on, and scores, exactly as it began: whatever becomes of its definition meanwhile."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import DefinitionError
from prom_server.services import (
    alert_lists,
    battery,
    catalogue,
    corrections,
    pinning,
    trends,
    visits,
)
from prom_server.services.pinning import DefinitionMissing, Pin
from prom_server.store.assessments import Administration, RecordedScore
from prom_server.store.database import Database
from prom_server.store.definitions import Definition
from tests.bench.scale import statements
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql
from tests.support.definitions import GAD_7, SECOND, Definitions
from tests.support.desk import ANSWERS, Desk

IN_PLACE = SECOND[1:]


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    return Definitions(tmp_path)


@pytest.fixture
def desk(definitions: Definitions, database: Database) -> Desk:
    return Desk(database)


def pin(instrument: Instrument) -> tuple[int, str, str]:
    return instrument.revision, instrument.content_hash, instrument.supplement_hash


def under(score: RecordedScore) -> tuple[int | None, str | None, str | None]:
    return score.instrument_revision, score.content_hash, score.supplement_hash


CHANGES: dict[str, Callable[[Definitions], None]] = {
    "a new revision": lambda definitions: definitions.revise(),
    "changed in place": lambda definitions: definitions.edit(GAD_7, *IN_PLACE),
    "removed, a newer revision in its place": lambda definitions: (definitions.revise(), definitions.remove(GAD_7))[1],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_definition_that_changes_in_mid_answer_changes_nothing_for_who_has_begun(
    desk: Desk, definitions: Definitions, change: str
) -> None:
    first = catalogue.instrument("gad-7")
    token = desk.begun()
    desk.answer(token, ANSWERS[:3])
    CHANGES[change](definitions)
    assert "Several days" in desk.labels(token, 4)
    desk.answer(token, ANSWERS[3:6], first=4)
    desk.answer(token, [None], first=7)  # prorated in the first revision: 5 of 6 is 5.83, so 6
    score = desk.submit(token)
    assert (score.status, score.value, score.band) == ("prorated", 6, "mild")
    assert under(score) == pin(first) == desk.pins()[0]
    assert score.computed_at == NOON


@pytest.mark.parametrize("change", ["a new revision", "changed in place"])
def test_who_begins_afterwards_gets_the_new_definition(desk: Desk, definitions: Definitions, change: str) -> None:
    token = desk.begun()
    before = catalogue.instrument("gad-7")
    CHANGES[change](definitions)
    now = catalogue.instrument("gad-7")
    later = desk.begun()
    assert "Some days" in desk.labels(later)
    for each, band in ((token, "mild"), (later, "minimal")):
        desk.answer(each, ANSWERS)
        assert desk.submit(each).band == band
    assert desk.pins() == [pin(before), pin(now)]
    assert pin(before) != pin(now)


def test_staff_read_what_was_answered(desk: Desk, definitions: Definitions) -> None:
    token = desk.begun()
    desk.answer(token, ANSWERS)
    desk.submit(token)
    definitions.edit(GAD_7, *IN_PLACE, ("short: GAD-7\npublisher", "short: Other\npublisher"))
    with desk.database.writing() as session:
        (line,) = corrections.administrations(session, desk.patients[0], by=desk.by, at=NOON).rows
        view = trends._facts(
            session, trends.finding.patient(session, desk.patients[0], by=desk.by), by=desk.by, at=NOON
        )
    assert (line.instrument, line.answered, line.items) == ("GAD-7", 7, 7)
    assert view.instruments["gad-7"].short == "GAD-7"
    assert [(each.score.band, each.revision) for each in view.scores] == [("mild", 1)]


def test_an_alert_quotes_the_item_as_it_was_asked(tmp_path: Path, database: Database) -> None:
    definitions = Definitions(tmp_path, "phq-9, gad-7")
    desk = Desk(database)
    token = desk.begun()
    desk.answer(token, [0] * 8 + [2])
    definitions.edit("phq/phq-9.v1.yaml", ("better off dead", "made-up words"))
    with database.writing() as session:
        opened = alert_lists.alerts_page(session, by=desk.by, at=NOON).found
    assert "better off dead" in str(opened)
    assert "made-up words" not in str(opened)


def test_an_alert_is_listed_though_its_definition_is_nowhere(tmp_path: Path, database: Database) -> None:
    Definitions(tmp_path, "phq-9, gad-7")
    desk = Desk(database)
    desk.answer(desk.begun(), [0] * 8 + [2])
    with database.writing() as session:
        session.execute(update(Administration).values(content_hash="0" * 64))
    with database.writing() as session:
        (line,) = alert_lists.alerts_page(session, by=desk.by, at=NOON).found.rows
    assert (line.asked.instrument, line.asked.topic, line.asked.value) == ("phq-9", "item-9", 2)


def test_one_missing_definition_keeps_no_other_from_being_flagged(tmp_path: Path, database: Database) -> None:
    Definitions(tmp_path, "phq-9, gad-7")
    desk = Desk(database)
    for _ in range(2):
        desk.begun()
    with database.writing() as session:
        first = session.scalars(select(func.min(Administration.id))).one()
        session.execute(update(Administration).where(Administration.id == first).values(content_hash="0" * 64))
    with database.writing() as session:
        opened = alert_lists.alerts_page(session, by=desk.by, at=NOON + timedelta(days=2)).found
    assert [line.asked.number for line in opened.rows] == [9]


@pytest.fixture
def licensed(tmp_path: Path, database: Database) -> tuple[Definitions, Desk]:
    """A battery of the PCS, whose words the clinic brings."""
    return Definitions(tmp_path, "pcs"), Desk(database)


def test_an_edited_supplement_changes_nothing_for_who_has_begun(licensed: tuple[Definitions, Desk]) -> None:
    definitions, desk = licensed
    definitions.supply("old words")
    before = catalogue.instrument("pcs")
    token = desk.begun()
    desk.answer(token, [1] * 5)
    definitions.supply("new words")
    assert desk.text(token, 6) == "old words 6"
    desk.answer(token, [1] * 8, first=6)
    assert under(desk.submit(token)) == pin(before)
    later = desk.begun()
    assert desk.text(later) == "new words 1"
    assert desk.pins() == [pin(before), pin(catalogue.instrument("pcs"))]


def test_a_supplement_that_comes_or_goes_changes_nothing_either(licensed: tuple[Definitions, Desk]) -> None:
    definitions, desk = licensed
    without = desk.begun()
    placeholder = desk.text(without)
    definitions.supply("words")
    worded = desk.begun()
    assert desk.text(without) == placeholder
    assert desk.text(worded) == "words 1"
    (definitions.supplements / "pcs.yaml").unlink()
    definitions.bind()
    assert desk.text(worded) == "words 1"
    assert [each[2] == "" for each in desk.pins()] == [True, False]


def test_what_began_before_supplements_were_pinned_has_todays_words(licensed: tuple[Definitions, Desk]) -> None:
    definitions, desk = licensed
    definitions.supply("words")
    token = desk.begun()
    with desk.database.writing() as session:
        session.execute(update(Administration).values(supplement_hash=None))
    assert desk.text(token) == "words 1"
    desk.answer(token, [1] * 13)
    assert under(desk.submit(token)) == pin(catalogue.instrument("pcs"))  # what it was scored under is known


@pytest.mark.parametrize("change", [("max_missing: 1", "max_missing: many"), ("id: gad7", "id: gad1")])
def test_a_file_that_can_no_longer_be_read_does_no_harm(
    desk: Desk, definitions: Definitions, change: tuple[str, str]
) -> None:
    first = catalogue.instrument("gad-7")
    desk.begun()
    definitions.edit(GAD_7, change)
    with pytest.raises(DefinitionError):
        catalogue.instrument("gad-7")
    with desk.database.reading() as session:
        row = session.scalars(select(Administration)).one()
        assert pinning.begun_with(session, row) == first


def test_a_definition_that_is_nowhere_is_refused_and_never_replaced(desk: Desk) -> None:
    token = desk.begun()
    with desk.database.writing() as session:
        session.execute(update(Administration).values(content_hash="0" * 64))
    with pytest.raises(DefinitionMissing, match="gad-7, revision 1, 000000000000 is neither"):
        desk.text(token)
    with pytest.raises(DefinitionMissing):
        desk.submit(token)


def test_an_archive_that_holds_another_definition_is_refused(desk: Desk, definitions: Definitions) -> None:
    token = desk.begun()
    with desk.database.writing() as session:
        files = session.scalars(select(Definition.files)).one()
        definition = Definition(
            content_hash="1" * 64,
            supplement_hash="",
            instrument_id="gad-7",
            instrument_revision=1,
            files=files,
            archived_at=NOON,
        )
        session.add(definition)
        session.execute(update(Administration).values(content_hash="1" * 64))
    with pytest.raises(DefinitionMissing, match="holds another definition"):
        desk.text(token)


def archived(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Definition)) or 0


def test_each_definition_is_kept_once(desk: Desk, definitions: Definitions) -> None:
    desk.begun()
    desk.begun()
    assert archived(desk.database) == 1
    definitions.revise()
    desk.begun()
    assert archived(desk.database) == 2


def test_every_shipped_instrument_comes_back_from_the_archive_to_the_bit(database: Database, tmp_path: Path) -> None:
    clinic.bind_definitions()
    shipped = [catalogue.instrument(each.id) for each in catalogue.library().instruments()]
    with database.writing() as session:
        pinning.archive(session, shipped, at=NOON)
    with database.reading() as session:
        for each in shipped:
            pinned = Pin(each.id, each.revision, each.content_hash, each.supplement_hash)
            assert pinning._from_archive(session, pinned) == each
    assert archived(database) == len(shipped)


def test_the_archive_is_asked_once_and_not_at_all_while_nothing_changed(desk: Desk, definitions: Definitions) -> None:
    token = desk.begun()

    def cost() -> int:
        with desk.database.reading() as session:
            visit = visits.of_session(session, token, at=NOON)
            with statements() as sent:
                battery.load(session, visit)
        return len(sent)

    assert cost() == 2
    definitions.edit(GAD_7, *IN_PLACE, ("Afraid", f"Afraid {token[:8]}"))
    pinning._rebuilt.clear()
    assert [cost(), cost()] == [3, 2]


@only_postgresql
@pytest.mark.parametrize("first_commits", [True, False])
def test_two_that_begin_at_once_keep_one_definition(desk: Desk, first_commits: bool) -> None:
    """The second waits for the first; if that one fails, it keeps the definition itself."""
    database, inserted, failures = desk.database, threading.Event(), []

    def second() -> None:
        try:
            inserted.wait(5)
            with database.writing() as session:
                pinning.archive(session, [catalogue.instrument("gad-7")], at=NOON)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    other = threading.Thread(target=second)
    other.start()
    with database.writing() as session:
        pinning.archive(session, [catalogue.instrument("gad-7")], at=NOON)
        inserted.set()
        other.join(0.5)
        assert other.is_alive()
        if not first_commits:
            session.rollback()
    other.join(5)
    assert failures == []
    assert archived(database) == 1


def test_what_began_before_there_was_an_archive_is_archived_once(
    desk: Desk, definitions: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pinning, "archive", lambda *_, **__: None)
        token = desk.begun()
    with desk.database.writing() as session:
        session.execute(update(Administration).values(supplement_hash=None))
    before = desk.text(token)
    for _ in range(2):
        with desk.database.writing() as session:
            pinning.archive_begun(session, at=NOON)
    assert archived(desk.database) == 1
    definitions.revise()
    definitions.remove(GAD_7)
    assert desk.text(token) == before
