"""`clinic create` and `staff add`: a real clinic from an empty database, with clear refusals."""

import re

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from prom_server.cli import clinic as commands
from prom_server.services import staffing
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests.support import clinic
from tests.support.clinic import NOON

CREATE = ["--name", "Real Clinic", "--phone", "(303) 555-0142", "--hours", "weekdays 8 to 5"]
ADD = ["--name", "Ada Real", "--email", "Ada@Example.org", "--role", "administrator"]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "only-for-tests-" + "0" * 32)
    monkeypatch.setenv("PUBLIC_URL", "https://prom.example.org")
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    return lambda command, *arguments: CliRunner().invoke(command, arguments)


def create(run, zone: str = "America/Denver"):
    return run(commands.clinic, "create", *CREATE, "--time-zone", zone)


def test_a_real_clinic_begins(run, database: Database) -> None:
    assert create(run).exit_code == 0
    result = run(commands.staff, "add", *ADD)
    assert result.exit_code == 0, result.output
    (token,) = re.findall(r"^https://prom\.example\.org/set-password/(\S+)$", result.output, re.MULTILINE)
    with database.reading() as session:
        row = session.scalars(select(Clinic)).one()
        assert (row.name, row.demo, row.time_zone, row.paper) == ("Real Clinic", False, "America/Denver", "letter")
        staff = session.scalars(select(Staff)).one()
        assert (staff.email, staff.role, staff.password_hash) == ("ada@example.org", "administrator", None)
        from prom_server import clock

        assert staffing.password_link(session, token, at=clock.now()).name == "Ada Real"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--clinic", "Nowhere", *ADD], "there is no clinic Nowhere"),
        ([*ADD[:3], "no-address", *ADD[4:]], "an e-mail address such as"),
        ([*ADD[:3], "ops,desk@clinic.org", *ADD[4:]], "an e-mail address such as"),
        ([*ADD[:5], "doctor"], "is not one of"),
        (["--name", " ", *ADD[2:]], "from 1 to 120 characters"),
    ],
)
def test_staff_add_refuses_with_exit_status_2(run, arguments: list[str], words: str) -> None:
    create(run)
    result = run(commands.staff, "add", *arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_one_address_signs_in_once(run) -> None:
    create(run)
    run(commands.staff, "add", *ADD)
    again = run(commands.staff, "add", *ADD)
    assert again.exit_code == 2
    assert "somebody signs in with this address already" in again.output


def test_clinic_create_refuses(run, database: Database) -> None:
    assert create(run, "Mars/Olympus").exit_code == 2
    assert run(commands.clinic, "create", "--name", "X").exit_code == 2
    with database.writing() as session:
        clinic.clinic(session, demo=True)
        staffing.create_clinic(session, "Y", "UTC", "1", "1", "A4", demo=True, at=NOON)
    mixed = create(run)
    assert mixed.exit_code == 1
    assert "holds the demo clinic" in mixed.output
    assert run(commands.staff, "add", *ADD).exit_code == 2  # two clinics: it must be named
