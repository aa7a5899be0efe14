"""Patients: added, corrected, found, and never another clinic's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, select, text, update
from sqlalchemy.orm import Session

from prom_server.core.contacts import Kind
from prom_server.core.enrolment import (
    ImplausibleBirthDate,
    MergedInto,
    PatientDetails,
    PatientFilter,
    RecordNumberTaken,
    age_on,
    sort_name,
)
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import contacts, enrolment, searching
from prom_server.store.audit import AuditEntry
from prom_server.store.base import opaque_id
from prom_server.store.contact import Channel
from prom_server.store.courses import Course
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


def found(database: Database, team: Cast, query: str = "", **more) -> list[str]:
    with database.writing() as session:
        return [row.listed_as for row in searching.search(session, query, by=team.cora, at=NOON, **more).rows]


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
            searching.search(session, "", by=team.ada, at=NOON)


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
    assert found(database, team, "a-1") == ["van der Berg, Rosa", "García, Zoë"]  # in the order of the numbers
    assert found(database, team, "ignored", born=BIRTH_DATE)[-1] == "van der Berg, Rosa"
    assert found(database, team, "", born=date(1990, 2, 28)) == ["García, Zoë"]
    for query in ("elsewhere", "zzz", "lice", "%", "p%, Percy", "bob specimen", ", Rosa"):
        assert found(database, team, query) == [], query


def test_pages_follow_one_another_without_gap_or_repeat(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for number in range(60):  # many of the same name
            people.patient(session, team.cora, "Same", f"Name{number // 20}", number=f"N{number}")
    seen, after = [], None
    with database.writing() as session:
        while True:
            page = searching.search(session, "name", after=after, by=team.cora, at=NOON)
            seen += [row.patient.record_number for row in page.rows]
            after = page.after
            if after is None:
                break
        assert len(seen) == len(set(seen)) == 60
        with pytest.raises(NotFound):
            searching.search(session, "", after=team.charlies, by=team.cora, at=NOON)


@pytest.mark.parametrize("query", ["n1", "name 1"])
def test_pages_of_numbers_follow_one_another(database: Database, team: Cast, query: str) -> None:
    """Found by record number, in its order; or, where no record number begins so, by name."""
    with database.writing() as session:
        for number in range(60):
            people.patient(session, team.cora, f"G{number}", f"Name 1{60 - number:02}", number=f"N1{number:02}")
        seen, after = [], None
        while after is not None or not seen:
            page = searching.search(session, query, after=after, by=team.cora, at=NOON)
            seen += [row.patient.record_number for row in page.rows]
            after = page.after
            if after is None:
                break
    ordered = [f"N1{number:02}" for number in range(60)]
    assert seen == (ordered if query == "n1" else ordered[::-1])


def test_what_there_is_to_do_about_patients(database: Database, team: Cast) -> None:
    with database.writing() as session:
        rosa = people.patient(session, team.cora, "Rosa", "Madeup", number="A-1")
        people.patient(session, team.cora, "Theo", "Away", number="A-2")
        gone = people.patient(session, team.cora, "Zoë", "Dead", number="A-3")
        people.start(session, team, starts_on=NOON.date() + timedelta(days=2))
        people.start(session, team, patient_id=rosa)
        for public_id, kind in [(rosa, Kind.SMS), (rosa, Kind.EMAIL), (team.alice, Kind.EMAIL)]:
            address = "a@example.org" if kind is Kind.EMAIL else "3035550142"
            contacts.set_address(session, public_id, kind, address, consent=True, by=team.cora, at=NOON)
        session.execute(update(Channel).values(undeliverable_at=NOON))
        contacts.try_again(session, team.alice, Kind.EMAIL, by=team.cora, at=NOON)
        session.execute(update(Patient).where(Patient.record_number == "A-2").values(withdrawn_at=NOON))
        session.execute(update(Patient).where(Patient.public_id == gone).values(deceased_on=NOON.date()))
    lists = {
        PatientFilter.IN_COURSE: ["Specimen, Alice", "Madeup, Rosa"],  # the latest start first
        PatientFilter.UNDELIVERABLE: ["Madeup, Rosa"],  # once, with two addresses
        PatientFilter.STOPPED: ["Away, Theo", "Dead, Zoë"],
    }
    for only, expected in lists.items():
        assert found(database, team, "ignored", only=only) == expected
        with database.writing() as session:
            first = searching.search(session, only=only, by=team.cora, at=NOON).rows[0].patient.public_id
        assert found(database, team, only=only, after=first) == expected[1:]  # as after the last of a page
    with database.writing() as session:
        page = searching.search(session, only=PatientFilter.STOPPED, by=team.cora, at=NOON)
        assert [(each.withdrawn, each.deceased) for each in page.rows] == [(True, False), (False, True)]
        assert not searching.search(session, only=PatientFilter.IN_COURSE, by=team.charlie, at=NOON).rows


def test_a_merged_record_is_never_listed_and_leads_to_the_one_that_is_kept(database: Database, team: Cast) -> None:
    with database.writing() as session:
        ids = [people.patient(session, team.cora, "Alice", "Specimen", number=f"A-{each}") for each in range(2)]
        people.start(session, team, patient_id=ids[0])
        rows = {row.public_id: row.id for row in session.scalars(select(Patient))}
        for gone, kept in [(ids[0], ids[1]), (ids[1], team.alice)]:  # one after the other
            session.execute(
                update(Patient).where(Patient.public_id == gone).values(merged_into_id=rows[kept], withdrawn_at=NOON)
            )
        session.expire_all()
        for public_id in ids:
            with pytest.raises(MergedInto) as merged:
                enrolment.patient_file(session, public_id, by=team.cora, at=NOON)
            assert merged.value.kept == team.alice
            with pytest.raises(NotFound):
                enrolment.patient_file(session, public_id, by=team.charlie, at=NOON)
    assert found(database, team, "specimen") == ["Specimen, Alice"]
    assert found(database, team, "a-") == found(database, team, "a-0") == []
    assert found(database, team, "", born=BIRTH_DATE) == ["Specimen, Alice"]
    for only in (PatientFilter.IN_COURSE, PatientFilter.STOPPED):
        assert found(database, team, only=only) == []


def test_who_may_be_there_already(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for number, (given, family, born) in enumerate(
            [("Theo", "Specimen", BIRTH_DATE), ("Alice", "Specimen", date(1990, 1, 1))]
        ):
            people.patient(session, team.cora, given, family, number=f"A-{number}", born=born)
        again = PatientDetails("B-1", "ALICE ", "Specimén", BIRTH_DATE)
        alike = enrolment.possible_duplicates(session, again, by=team.cora, at=NOON)
        assert [each.record_number for each in alike] == ["DEMO-1"]
        assert people.audited(session)[-1] == "patient.duplicate"
        assert not enrolment.possible_duplicates(session, again, by=team.charlie, at=NOON)[1:]
        session.execute(update(Patient).where(Patient.public_id == team.alice).values(merged_into_id=1))
        assert not enrolment.possible_duplicates(session, again, by=team.cora, at=NOON)


SEARCHES: dict[str, dict[str, Any]] = {
    "everybody": {},
    "one word": {"query": "f1"},
    "words": {"query": "rosa van der berg"},
    "family and given name": {"query": "Family7, Given"},
    "a record number": {"query": "m12"},
    "a birth date": {"query": "1968-03-12", "born": BIRTH_DATE},
    **{each: {"only": each} for each in PatientFilter},
}


@only_sqlite
@pytest.mark.parametrize("analysed", [False, True])
def test_a_search_reads_an_index_and_not_the_table(database: Database, team: Cast, analysed: bool) -> None:
    """The statements themselves, of a first page and of a later one: each reads a range of an index, and no table.

    PostgreSQL rightly scans tables as small as this one.
    """
    with database.writing() as session:
        last = _many(session, team.cora.clinic.id)
        if analysed:
            session.execute(text("ANALYZE"))
    for name, wanted in SEARCHES.items():
        for after in (None, last):
            with database.writing() as session, reading() as reads:
                searching.search(session, **wanted, after=after, by=team.cora, at=NOON)
            assert len(reads) <= 4, name
            with database.reading() as session:
                for statement, parameters in reads:
                    explained = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    plan = [line[3] for line in explained]
                    assert not [each for each in plan if each.startswith("SCAN") and each.split()[1] in TABLES], plan
                    whole = {each.split()[4] for each in plan if each.endswith("(clinic_id=?)")}
                    assert whole <= READ_IN_ORDER, (name, plan)  # of all of a clinic only the first are read
                    assert not whole or "USE TEMP B-TREE FOR ORDER BY" not in plan, (name, plan)


READ_IN_ORDER = {"ix_patient_clinic_id_sort_name", "ix_patient_stopped", "ix_channel_undeliverable"}
TABLES = {"patient", "course", "channel"}


@contextmanager
def reading() -> Iterator[list[tuple[str, Any]]]:
    """Collects what is read meanwhile, each statement with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if statement.startswith("SELECT"):
            sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _many(session: Session, clinic_id: int) -> str:
    """Three thousand patients; the public id of one amid them, who is on every list."""
    rows = [
        {
            "public_id": opaque_id(),
            "clinic_id": clinic_id,
            "record_number": f"M{number}",
            "given_name": "Given",
            "family_name": f"Family{number}",
            "sort_name": sort_name(f"Family{number}", "Given"),
            "birth_date": BIRTH_DATE + timedelta(days=number % 400),
            "wrong_birth_dates": 0,
            "created_at": NOON,
            "withdrawn_at": NOON if number % 100 == 0 else None,
        }
        for number in range(3000)
    ]
    ids = session.scalars(insert(Patient).returning(Patient.id), rows).all()
    session.execute(
        insert(Course),
        [
            {"clinic_id": clinic_id, "patient_id": each, "number": 1, "protocol_id": "p", "protocol_revision": 1,
             "starts_on": BIRTH_DATE, "created_at": NOON, "finished_at": NOON if each % 50 else None}
            for each in ids
        ],
    )  # fmt: skip
    session.execute(
        insert(Channel),
        [
            {"clinic_id": clinic_id, "patient_id": each, "kind": "email", "address": f"{each}@example.org",
             "created_at": NOON, "undeliverable_at": None if each % 50 else NOON}
            for each in ids
        ],
    )  # fmt: skip
    return str(rows[1200]["public_id"])


def test_ages() -> None:
    assert age_on(date(2000, 2, 29), date(2026, 2, 28)) == 25
    assert age_on(date(2000, 2, 29), date(2026, 3, 1)) == 26
