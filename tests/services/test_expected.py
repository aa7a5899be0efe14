"""Who is expected, who has come, and the day list of another system."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from prom_server.core.day_list import ListReplaced, NothingInIt, RowError
from prom_server.core.expected import NotExpected
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import day_list, expected
from prom_server.store.audit import AuditEntry
from prom_server.store.care import Expected
from prom_server.store.courses import InfusionDay
from prom_server.store.database import Database
from prom_server.store.imports import ImportBatch, ImportRow
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TODAY = NOON.date()


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        people.patient(session, team.cora, "Rosa", "Placeholder", number="DEMO-2")
        people.patient(session, team.cora, "Theo", "Madeup", number="DEMO-3")
        return team


def listed(database: Database, team: Cast, at=NOON) -> list[tuple[object, ...]]:
    with database.writing() as session:
        found = expected.expected_day(session, by=team.cora, at=at)
    return [(row.patient.record_number, row.time, row.reason, row.checked_in_at) for row in found.rows]


def come(database: Database, team: Cast, patient: str, at=NOON) -> None:
    with database.writing() as session:
        expected.check_in(session, patient, by=team.cora, at=at)


def undo(database: Database, team: Cast, patient: str, at=NOON) -> None:
    with database.writing() as session:
        expected.undo_check_in(session, patient, by=team.cora, at=at)


def put(database: Database, team: Cast, text: str, on=TODAY, at=NOON) -> None:
    with database.writing() as session:
        day_list.apply(session, uploaded(session, team, text, on, at), by=team.cora, at=at)


def uploaded(session, team: Cast, text: str, on=TODAY, at=NOON) -> str:
    return day_list.upload(session, f"record_number,time,reason\n{text}".encode(), on, by=team.cora, at=at)


# ---- Check in


def test_a_planned_infusion_is_expected_with_what_waits(database: Database, team: Cast) -> None:
    with database.writing() as session:
        course = people.start(session, team)
        found = expected.expected_day(session, by=team.cora, at=NOON)
        (row,) = found.rows
        assert (row.patient.public_id, row.infusion, row.infusions, row.time) == (team.alice, 1, 5, None)
        assert (row.waits.name, row.waits.answered, row.waits.items) == ("Baseline", 0, 16)
        people.infuse(session, course, team.bob, 0)
        assert expected.expected_day(session, by=team.cora, at=NOON + HOUR).rows == ()  # they were here
        (row,) = expected.expected_day(session, by=team.cora, at=NOON + DAY).rows
        assert (row.infusion, row.waits) == (2, None)


def test_what_is_missed_or_cancelled_is_not_expected(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
    for column in (InfusionDay.missed_at, InfusionDay.cancelled_at):
        with database.writing() as session:
            session.execute(update(InfusionDay).values({column: NOON}))
        assert listed(database, team) == []
        with database.writing() as session:
            session.execute(update(InfusionDay).values({column: None}))
    assert len(listed(database, team)) == 1


def test_checking_in_twice_is_once_and_can_be_undone(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
    for minutes in (0, 5):
        come(database, team, team.alice, NOON + timedelta(minutes=minutes))
    assert listed(database, team) == [("DEMO-1", None, None, NOON)]
    for _ in range(2):
        undo(database, team, team.alice)
    assert listed(database, team) == [("DEMO-1", None, None, None)]  # the infusion is still planned
    come(database, team, team.alice, NOON + HOUR)
    assert listed(database, team) == [("DEMO-1", None, None, NOON + HOUR)]
    with database.reading() as session:
        actions = select(AuditEntry.action).where(AuditEntry.action.like("patient.check_in%")).order_by(AuditEntry.id)
        assert session.scalars(actions).all() == ["patient.check_in", "patient.check_in_undone", "patient.check_in"]


def test_somebody_who_was_not_expected_comes_and_goes(database: Database, team: Cast) -> None:
    come(database, team, team.alice)
    assert listed(database, team) == [("DEMO-1", None, None, NOON)]
    assert listed(database, team, NOON + DAY) == []
    undo(database, team, team.alice)
    assert listed(database, team) == []
    come(database, team, team.alice, NOON + HOUR)
    assert listed(database, team) == [("DEMO-1", None, None, NOON + HOUR)]


def test_the_day_is_the_clinic_s(database: Database, team: Cast) -> None:
    come(database, team, team.alice, NOON + 11 * HOUR)  # 11 pm in Denver, the next day in UTC
    assert len(listed(database, team, NOON)) == 1
    assert listed(database, team, NOON + 12 * HOUR) == []


def test_nobody_is_expected_who_withdrew_or_died(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
        session.execute(update(Patient).where(Patient.public_id == team.alice).values(deceased_on=TODAY))
    assert listed(database, team) == []
    with pytest.raises(NotExpected):
        come(database, team, team.alice)


def test_who_comes_first_stands_first_and_who_is_here_last(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.start(session, team)
    put(database, team, "DEMO-3,14:00,Visit\nDEMO-2,9:30,Visit\n")
    assert [row[:2] for row in listed(database, team)] == [("DEMO-2", "09:30"), ("DEMO-3", "14:00"), ("DEMO-1", None)]
    come(database, team, team.alice)
    put(database, team, "DEMO-1,8:00,Infusion\nDEMO-3,14:00,Visit\nDEMO-2,9:30,Visit\n")
    assert [row[0] for row in listed(database, team)] == ["DEMO-2", "DEMO-3", "DEMO-1"]


# ---- The day list


def test_a_list_is_looked_at_before_anything_changes(database: Database, team: Cast) -> None:
    with database.writing() as session:
        public_id = uploaded(session, team, "DEMO-2,9:30,Visit\nDEMO-9,10:00,\nDEMO-3,soon,\nDEMO-2,11:00,\nDEMO-1,,\n")
        session.execute(update(Patient).where(Patient.record_number == "DEMO-1").values(withdrawn_at=NOON))
    assert listed(database, team) == []
    with database.writing() as session:
        view = day_list.preview(session, public_id, by=team.cora, at=NOON)
    assert [(row.line, row.patient.name if row.patient else None, row.error) for row in view.rows] == [
        (2, "Rosa Placeholder", None),
        (3, None, RowError.UNKNOWN_RECORD_NUMBER),
        (4, "Theo Madeup", RowError.NOT_A_TIME),
        (5, "Rosa Placeholder", RowError.TWICE),
        (6, "Alice Specimen", RowError.STOPPED),
    ]
    assert (view.on, len(view.good), len(view.wrong)) == (TODAY, 1, 4)
    with database.writing() as session:
        assert day_list.apply(session, public_id, by=team.cora, at=NOON) == TODAY
    assert listed(database, team) == [("DEMO-2", "09:30", "Visit", None)]
    assert people.count(database, ImportRow) == 0
    for act in (day_list.apply, day_list.preview):
        with database.writing() as session, pytest.raises(ListReplaced):
            act(session, public_id, by=team.cora, at=NOON)


def test_a_new_list_takes_the_place_of_the_last_but_who_is_here_stays(database: Database, team: Cast) -> None:
    put(database, team, "DEMO-1,9:00,\nDEMO-2,9:30,Visit\n")
    come(database, team, team.alice)
    with database.writing() as session:
        public_id = uploaded(session, team, "DEMO-3,10:00,New\n")
        view = day_list.preview(session, public_id, by=team.cora, at=NOON)
        assert (view.taken_off, view.staying) == (1, 0)
        day_list.apply(session, public_id, by=team.cora, at=NOON)
    assert listed(database, team) == [("DEMO-3", "10:00", "New", None), ("DEMO-1", "09:00", None, NOON)]
    put(database, team, "DEMO-2,9:45,Back\nDEMO-1,9:15,\n")
    put(database, team, "DEMO-2,9:45,Back\nDEMO-1,9:15,\n")  # the same again
    assert listed(database, team) == [("DEMO-2", "09:45", "Back", None), ("DEMO-1", "09:15", None, NOON)]
    undo(database, team, team.alice)  # on the list, though it gives no reason
    assert [row[0] for row in listed(database, team)] == ["DEMO-1", "DEMO-2"]
    assert listed(database, team, NOON + DAY) == []


def test_a_list_of_another_day_touches_no_other(database: Database, team: Cast) -> None:
    put(database, team, "DEMO-1,9:00,\n")
    put(database, team, "DEMO-2,9:00,\n", on=TODAY + DAY)
    assert [row[0] for row in listed(database, team)] == ["DEMO-1"]
    assert [row[0] for row in listed(database, team, NOON + DAY)] == ["DEMO-2"]


def test_a_patient_listed_under_two_records_that_were_made_one_is_there_once(database: Database, team: Cast) -> None:
    with database.writing() as session:
        kept = session.execute(select(Patient.id).where(Patient.record_number == "DEMO-2")).scalar_one()
        session.execute(update(Patient).where(Patient.record_number == "DEMO-3").values(merged_into_id=kept))
        view = day_list.preview(session, uploaded(session, team, "DEMO-3,9:00,\nDEMO-2,9:00,\n"), by=team.cora, at=NOON)
    assert [(row.patient.record_number, row.error) for row in view.rows] == [
        ("DEMO-2", None),
        ("DEMO-2", RowError.TWICE),
    ]


def test_a_list_without_a_good_line_changes_nothing(database: Database, team: Cast) -> None:
    put(database, team, "DEMO-1,9:00,\n")
    with database.writing() as session:
        public_id = uploaded(session, team, "DEMO-9,9:00,\n")
    with pytest.raises(NothingInIt), database.writing() as session:
        day_list.apply(session, public_id, by=team.cora, at=NOON)
    assert [row[0] for row in listed(database, team)] == ["DEMO-1"]


def test_uploads_that_nobody_uses_are_not_kept(database: Database, team: Cast) -> None:
    with database.writing() as session:
        discarded = uploaded(session, team, "DEMO-1,9:00,\n")
        day_list.discard(session, discarded, by=team.cora, at=NOON)
        day_list.discard(session, discarded, by=team.cora, at=NOON)
        forgotten = uploaded(session, team, "DEMO-1,9:00,\n")
        uploaded(session, team, "DEMO-2,9:00,\n", at=NOON + 25 * HOUR)
        assert session.scalar(select(func.count()).select_from(ImportRow)) == 1
        for public_id in (discarded, forgotten):
            with pytest.raises(ListReplaced):
                day_list.apply(session, public_id, by=team.cora, at=NOON + 25 * HOUR)
    assert people.count(database, ImportBatch, ImportBatch.applied_at.is_not(None)) == 0


def test_the_other_clinic_and_the_administrator(database: Database, team: Cast) -> None:
    with database.writing() as session:
        public_id = uploaded(session, team, "DEMO-1,9:00,\n")
        for act in (day_list.preview, day_list.apply, day_list.discard):
            with pytest.raises(NotFound):
                act(session, public_id, by=team.charlie, at=NOON)
        for who in (team.charlies,):
            with pytest.raises(NotFound):
                expected.check_in(session, who, by=team.cora, at=NOON)
        with pytest.raises(NotAllowed):
            expected.check_in(session, team.alice, by=team.ada, at=NOON)
        assert expected.expected_day(session, by=team.charlie, at=NOON).rows == ()
    assert people.count(database, Expected) == 0
