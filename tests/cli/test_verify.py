"""`verify` and `rescore` from the command line: what they print, ask and refuse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, insert, select

from prom_server.cli import verify as commands
from prom_server.definitions.library import Library
from prom_server.store.assessments import Administration, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from tests.cast import count
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.definitions import Definitions
from tests.support.desk import ANSWERS, Desk

Run = Callable[..., Result]
RESCORE = ("gad-7", "--to", "2", "--by", "Ada Example", "--reason", "The bands were corrected.")


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Definitions:
    """Two revisions of the GAD-7, which the commands find as the shipped ones."""
    definitions = Definitions(tmp_path)
    monkeypatch.setattr(
        Library, "shipped", lambda _supplements: Library([definitions.instruments], definitions.supplements)
    )
    return definitions


@pytest.fixture
def desk(definitions: Definitions, database: Database) -> Desk:
    """Two patients have submitted under the first revision; then there is a second."""
    desk = Desk(database)
    for values in (ANSWERS, [*ANSWERS[:6], None]):
        token = desk.begun()
        desk.answer(token, values)
        desk.submit(token)
    definitions.revise()
    return desk


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "only-for-tests-" + "0" * 32)
    return lambda command, *arguments, **more: CliRunner().invoke(command, arguments, **more)


def current(database: Database) -> list[tuple[int | None, object]]:
    with database.reading() as session:
        rows = session.scalars(
            select(RecordedScore).where(RecordedScore.superseded_at.is_(None)).order_by(RecordedScore.administration_id)
        )
        return [(row.instrument_revision, row.value) for row in rows]


FIRST, AGAIN = [(1, 5), (1, 6)], [(2, 5), (2, None)]


def test_no_difference(run: Run, desk: Desk) -> None:
    result = run(commands.verify)
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "2 scores of 2 administrations recomputed: no difference\n",
        "",
    )


def test_a_difference_names_nobody_and_fails(run: Run, desk: Desk) -> None:
    with desk.database.writing() as session:
        row = session.scalars(select(Administration).order_by(Administration.id)).first()
        assert row is not None
        session.execute(
            insert(Response).values(
                administration_id=row.id, item_id="gad7", sequence=99, value=3, answered_at=NOON, at=NOON
            )
        )
    result = run(commands.verify)
    assert result.exit_code == 1
    told, summary = result.stdout.splitlines()
    assert told.startswith(f"{row.public_id} gad-7 revision 1 total: stored 5 (scored, raw 5, 7 of 7, SE None, mild)")
    assert told.endswith(", recomputed 8 (scored, raw 8, 7 of 7, SE None, mild)")
    assert summary == "2 scores of 2 administrations recomputed: 1 difference"
    assert "Alice" not in result.output


def test_an_empty_database_has_nothing_to_verify(run: Run, definitions: Definitions) -> None:
    result = run(commands.verify)
    assert (result.exit_code, result.stdout) == (0, "0 scores of 0 administrations recomputed: no difference\n")


def test_an_older_schema_is_refused_and_not_changed(run: Run, empty_database_url: str, database_kind: str) -> None:
    database = Database(empty_database_url)
    database.migrate("0002")
    result = run(commands.verify, env={"DATABASE_URL": empty_database_url})
    assert result.exit_code == 1
    assert "prom-server migrate" in result.stderr
    assert not database.is_newest()
    database.dispose()


def test_a_database_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    result = run(commands.verify, env={"DATABASE_URL": f"sqlite:///{tmp_path}/nothing.sqlite3"})
    assert result.exit_code == 1
    assert "The database does not answer" in result.stderr
    assert not (tmp_path / "nothing.sqlite3").exists()


def test_rescore_tells_asks_and_does(run: Run, desk: Desk) -> None:
    refused = run(commands.rescore, *RESCORE, input="n\n")
    assert refused.exit_code == 1
    assert current(desk.database) == FIRST
    result = run(commands.rescore, *RESCORE, input="y\n")
    assert result.exit_code == 0, result.output
    assert "gad-7 to revision 2: 2 administrations to score again, 1 of 2 values change." in result.stdout
    assert "2 administrations were scored again. Their old scores are kept." in result.stdout
    assert current(desk.database) == AGAIN
    assert run(commands.verify).stdout == "4 scores of 2 administrations recomputed: no difference\n"
    with desk.database.reading() as session:
        details = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "score.rescore")).all()
    assert details == ["gad-7: revision 1 → 2, decided by Ada Example. The bands were corrected."] * 2


def test_a_dry_run_changes_nothing(run: Run, desk: Desk) -> None:
    result = run(commands.rescore, *RESCORE, "--dry-run")
    assert (result.exit_code, current(desk.database)) == (0, FIRST)
    assert "1 of 2 values change" in result.stdout


def test_a_second_run_has_nothing_to_do(run: Run, desk: Desk) -> None:
    assert run(commands.rescore, *RESCORE, "--yes").exit_code == 0
    again = run(commands.rescore, *RESCORE, "--yes")
    assert (again.exit_code, again.stdout) == (0, "Nothing to do: everything is under gad-7, revision 2.\n")
    assert count(desk.database, RecordedScore) == 4


def test_misfits_are_listed_and_nothing_is_done(run: Run, desk: Desk, definitions: Definitions) -> None:
    (definitions.instruments / "gad/gad-7.v2.yaml").unlink()
    definitions.revise(
        ("revision: 1", "revision: 2\nchanges: Made up for a test."),
        ("id: gad2", "id: gad8"),
        ("items: [gad1, gad2", "items: [gad1, gad8"),
    )
    result = run(commands.rescore, *RESCORE, "--yes")
    assert result.exit_code == 1
    assert "(revision 1): gad2 is no item of revision 2" in result.stderr
    assert "4 answers do not fit revision 2. Nothing was changed." in result.stderr
    assert current(desk.database) == FIRST


def test_of_one_clinic(run: Run, desk: Desk) -> None:
    with desk.database.writing() as session:
        other = clinic.clinic(session, name="Another Clinic")
    result = run(commands.rescore, *RESCORE, "--yes", "--clinic", other.public_id)
    assert (result.exit_code, current(desk.database)) == (0, FIRST)
    run(commands.rescore, *RESCORE, "--yes", "--clinic", desk.by.clinic.public_id)
    assert current(desk.database) == AGAIN


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gad-7", "--to", "3", "--by", "A", "--reason", "x"), "there is no gad-7, revision 3"),
        (("nothing", "--to", "1", "--by", "A", "--reason", "x"), "there is no nothing, revision 1"),
        (("gad-7", "--to", "2", "--by", "A", "--reason", "  "), "from 1 to 500 characters"),
        (("gad-7", "--to", "2", "--by", "A"), "Missing option '--reason'"),
        (("gad-7", "--to", "2", "--by", "A", "--reason", "x", "--clinic", "Nowhere"), "there is no clinic Nowhere"),
    ],
)
def test_rescore_refuses_with_exit_status_2(run: Run, desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    result = run(commands.rescore, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    with desk.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RecordedScore)) == 2
