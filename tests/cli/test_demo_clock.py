"""`prom-server demo --days`: refused in words where a clock must not be moved."""

import pytest
from click.testing import CliRunner

from prom_server.cli import serve
from prom_server.store.database import Database
from prom_server.store.outbox import DemoClock
from tests import cast as people


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "only-for-tests-" + "0" * 32)
    return lambda *arguments: CliRunner().invoke(serve.demo, arguments)


@pytest.mark.parametrize("arguments", [["--days", "-1"], ["--days", "0"], ["--days", "9999"], ["--only"]])
def test_never_back_never_too_far_and_only_with_days(run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_real_clinic_s_clock_is_never_moved(run, database: Database) -> None:
    with database.writing() as session:
        people.cast(session, demo=False)
    result = run("--days", "2", "--only")
    assert (result.exit_code, "its clock is never moved" in result.output) == (1, True)
    assert people.count(database, DemoClock) == 0
