"""Taking a reminder back holds the assessments first, as everybody does who moves both."""

import threading
from datetime import date, timedelta

from sqlalchemy import event, select, update

from prom_server.core.contacts import Kind
from prom_server.services import contacts, taking_back
from prom_server.store.assessments import Assessment
from prom_server.store.database import Database
from prom_server.store.outbox import Message, Reminder
from tests import cast as people
from tests.support import mornings
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql

MORNING = NOON + timedelta(hours=21)


@only_postgresql
def test_a_delivery_and_the_next_morning_do_not_wait_for_each_other(database: Database) -> None:
    """One takes back what the other, who holds the assessment, takes back as well."""
    with database.writing() as session:
        team = people.cast(session)
        people.start(session, team, starts_on=date(2026, 12, 1))
        contacts.set_address(session, team.alice, Kind.EMAIL, "a@example.org", consent=True, by=team.bob, at=NOON)
        assert mornings.remind(session, at=MORNING) == 1
        next_day = MORNING + timedelta(days=1)
        waits = Assessment.id.in_(select(Reminder.assessment_id))
        session.execute(update(Assessment).where(waits).values(remind_on=next_day.date()))
    found: list[object] = []
    asked = threading.Event()

    def next_morning() -> None:
        try:
            with database.writing() as session:
                found.append(mornings.remind(session, at=next_day))
        except Exception as error:  # noqa: BLE001 - told below
            found.append(error)

    other = threading.Thread(target=next_morning)
    deleting = lambda _connection, statement: "DELETE FROM reminder" in statement  # noqa: E731

    with database.writing() as session:

        @event.listens_for(session.connection(), "after_cursor_execute")
        def after(connection, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
            if deleting(connection, statement) and not asked.is_set():
                asked.set()
                other.start()
                other.join(0.7)

        assert taking_back.take_back(session, session.scalars(select(Message.id)).one(), next_day.date())
    other.join()
    assert found == [1]
