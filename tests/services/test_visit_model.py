"""Random walks through a visit: no answer lost, none overwritten unseen, every end state right. See the model."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from prom_server.store.database import Database
from tests.support import clinic
from tests.support.visit_model import Walk

WALKS, STEPS = 20, 40  # bin/bench walks goes 500


def walk(database: Database, walks: int, steps: int = STEPS) -> int:
    """Returns how many patients walked."""
    clinic.bind_definitions()
    with database.writing() as session:
        member = clinic.member(session, clinic.clinic(session))

    class Mine(Walk):
        database_url, by = database.url, member

    run_state_machine_as_test(
        Mine,
        settings=settings(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Mine.patients


def test_random_walks_lose_nothing(database: Database) -> None:
    assert walk(database, WALKS) >= WALKS
