"""Patients: added, corrected, found, and never another clinic's."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from prom_server.core.enrolment import ImplausibleBirthDate, PatientDetails, RecordNumberTaken, age_on, sort_name
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import enrolment
from prom_server.store.audit import AuditEntry
from prom_server.store.base import opaque_id
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.databases import only_sqlite


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


def found(database: Database, team: Cast, query: str, **more) -> list[str]:
    with database.writing() as session:
        return [row.listed_as for row in enrolment.search(session, query, by=team.cora, at=NOON, **more).rows]


def test_a_patient_is_kept_as_entered(database: Database, team: Cast) -> None:
    details = PatientDetails(" demo 7 ", "Zoë", "García", date(1990, 2, 28), "555 010", "1 Road", "Max")
    with database.writing() as session:
        public_id = enrolment.add_patient(session, details, by=team.cora, at=NOON)
        file = enrolment.patient_file(session, public_id, by=team.bob, at=NOON)
        assert file.details == replace(details, record_number="DEMO 7")
        assert file.age == 36
        assert people.audited(session)[-2:] == ["patient.add", "patient.view"]


@pytest.mark.parametrize("born", [NOON.date() + timedelta(days=1), date(1900, 1, 1)])
def test_an_implausible_birth_date_is_refused(database: Database, team: Cast, born: date) -> None:
    with pytest.raises(ImplausibleBirthDate), database.writing() as session:
        people.patient(session, team.cora, number="X", born=born)


def test_a_record_number_is_taken_once_per_clinic_whatever_its_case(database: Database, team: Cast) -> None:
    with database.writing() as session:
        with pytest.raises(RecordNumberTaken):
            people.patient(session, team.cora, number="demo-1")
        other = people.patient(session, team.cora, "Anna", number="DEMO-2")
        taken = enrolment.patient_file(session, other, by=team.cora, at=NOON).details
        with pytest.raises(RecordNumberTaken):
            enrolment.edit_patient(session, other, replace(taken, record_number="DEMO-1"), by=team.cora, at=NOON)
        people.patient(session, team.charlie, number="DEMO-2")


def test_a_corrected_birth_date_unlocks_and_is_audited_with_both_values(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(wrong_birth_dates=5, locked_at=NOON))
        details = enrolment.patient_file(session, team.alice, by=team.cora, at=NOON).details
        corrected = replace(details, birth_date=date(1968, 12, 3))
        enrolment.edit_patient(session, team.alice, corrected, by=team.cora, at=NOON)
        file = enrolment.patient_file(session, team.alice, by=team.cora, at=NOON)
        assert (file.locked_at, file.wrong_birth_dates) == (None, 0)
        line = session.scalars(select(AuditEntry).where(AuditEntry.action == "patient.edit")).one()
        assert line.detail == "birth_date: 1968-03-12 -> 1968-12-03"


def test_another_correction_leaves_the_lock(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(wrong_birth_dates=5, locked_at=NOON))
        details = enrolment.patient_file(session, team.alice, by=team.cora, at=NOON).details
        enrolment.edit_patient(session, team.alice, replace(details, phone="555 0999"), by=team.cora, at=NOON)
        assert enrolment.patient_file(session, team.alice, by=team.cora, at=NOON).locked_at == NOON
        enrolment.unlock(session, team.alice, by=team.cora, at=NOON)
        assert enrolment.patient_file(session, team.alice, by=team.cora, at=NOON).locked_at is None


def test_the_other_clinic_is_unknown_and_the_administrator_not_allowed(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for public_id in (team.charlies, "0" * 20, "no such id", "\0", "x" * 99):
            with pytest.raises(NotFound):
                enrolment.patient_file(session, public_id, by=team.bob, at=NOON)
        with pytest.raises(NotAllowed):
            enrolment.patient_file(session, team.alice, by=team.ada, at=NOON)
        with pytest.raises(NotAllowed):
            enrolment.search(session, "", by=team.ada, at=NOON)


def test_searching(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.patient(session, team.cora, "Rosa", "van der Berg", number="A-12")
        people.patient(session, team.cora, "Zoë", "García", number="A-13", born=date(1990, 2, 28))
        people.patient(session, team.cora, "Ann", "O'Brien", number="B-1")
        people.patient(session, team.cora, "Percy", "Per_cent", number="50%")
    assert found(database, team, "") == [
        "García, Zoë",
        "O'Brien, Ann",
        "Per_cent, Percy",
        "Specimen, Alice",
        "van der Berg, Rosa",
    ]
    for query in ("specimen", "SPEC", "Specimen, Al", "alice spec", "demo-1", " Specimen ,"):
        assert found(database, team, query) == ["Specimen, Alice"], query
    for query in ("van der", "Rosa van der B", "a-12"):
        assert found(database, team, query) == ["van der Berg, Rosa"], query
    assert found(database, team, "garcia") == ["García, Zoë"]
    assert found(database, team, "a-1") == ["García, Zoë", "van der Berg, Rosa"]
    assert found(database, team, "ignored", born=BIRTH_DATE)[-1] == "van der Berg, Rosa"
    assert found(database, team, "", born=date(1990, 2, 28)) == ["García, Zoë"]
    for query in ("elsewhere", "zzz", "lice", "%", "p%, Percy", "bob specimen"):
        assert found(database, team, query) == [], query


def test_pages_follow_one_another_without_gap_or_repeat(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for number in range(60):  # many of the same name
            people.patient(session, team.cora, "Same", f"Name{number // 20}", number=f"N{number}")
    seen, after = [], None
    with database.writing() as session:
        while True:
            page = enrolment.search(session, "name", after=after, by=team.cora, at=NOON)
            seen += [row.patient.record_number for row in page.rows]
            after = page.after
            if after is None:
                break
        assert len(seen) == len(set(seen)) == 60
        with pytest.raises(NotFound):
            enrolment.search(session, "", after=team.charlies, by=team.cora, at=NOON)


@only_sqlite
def test_a_search_reads_an_index_and_not_the_table(database: Database, team: Cast) -> None:
    """No scan over all patients of a clinic. PostgreSQL rightly scans tables as small as this one."""
    with database.writing() as session:
        clinic_id = team.cora.clinic.id
        rows = [
            {
                "public_id": opaque_id(),
                "clinic_id": clinic_id,
                "record_number": f"M{number}",
                "given_name": "G",
                "family_name": f"F{number}",
                "sort_name": sort_name(f"F{number}", "G"),
                "birth_date": BIRTH_DATE,
                "wrong_birth_dates": 0,
                "created_at": NOON,
            }
            for number in range(3000)
        ]
        session.execute(insert(Patient), rows)
        session.execute(text("ANALYZE"))
    with database.reading() as session:
        plans = session.connection()
        for condition in ("1", "sort_name >= 'f1' AND sort_name < 'f2'", "birth_date = '1968-03-12'"):
            lines = plans.execute(
                text(
                    f"EXPLAIN QUERY PLAN SELECT * FROM patient WHERE clinic_id = {clinic_id} AND {condition} "
                    "AND (sort_name, id) > ('f2, g', 5) ORDER BY sort_name, id LIMIT 26"
                )
            ).all()
            assert all("USING INDEX" in line[3] for line in lines), lines


def test_ages() -> None:
    assert age_on(date(2000, 2, 29), date(2026, 2, 28)) == 25
    assert age_on(date(2000, 2, 29), date(2026, 3, 1)) == 26
