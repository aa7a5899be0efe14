"""Patients from a file: nothing before it was looked at, all or nothing, once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event, select, update

from prom_server.core.imports import ChangedSincePreview, Decision, ImportOver, Like, NothingToImport
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import importing, lookalikes
from prom_server.store.audit import AuditEntry
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.imports import ImportBatch, ImportRow
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON

HEADING = "record_number,given_name,family_name,birth_date,phone,email,email_consent,fax\n"
DAY = timedelta(days=1)


@pytest.fixture
def team(database: Database) -> Cast:
    """Alice Specimen is there: DEMO-1, born 12 Mar 1968."""
    with database.writing() as session:
        return people.cast(session)


def uploaded(database: Database, team: Cast, lines: str, at=NOON) -> str:
    with database.writing() as session:
        return importing.upload(session, (HEADING + lines).encode(), by=team.cora, at=at)


def look(database: Database, team: Cast, public_id: str):
    with database.writing() as session:
        return importing.preview(session, public_id, by=team.cora, at=NOON)


def choose(database: Database, team: Cast, public_id: str, decisions: dict[int, str]) -> bool:
    with database.writing() as session:
        return importing.choose(session, public_id, decisions, by=team.cora, at=NOON)


def bring_in(database: Database, team: Cast, public_id: str):
    with database.writing() as session:
        return importing.apply(session, public_id, by=team.cora, at=NOON)


def names(database: Database, team: Cast) -> list[tuple[str, str, str]]:
    with database.reading() as session:
        mine = Patient.clinic_id == team.cora.clinic.id
        rows = session.scalars(select(Patient).where(mine).order_by(Patient.record_number))
        return [(row.record_number, row.given_name, row.family_name) for row in rows]


ALICE = ("DEMO-1", "Alice", "Specimen")


def test_every_line_is_looked_at_before_anything_changes(database: Database, team: Cast) -> None:
    public_id = uploaded(
        database,
        team,
        "n-1,Rosa,Placeholder,1960-01-02,,Rosa@Example.org,yes,9\n"
        "n-2,Theo,,1960-01-02,none,,,\n"
        "n-1,Other,Person,1961-01-02,,,,\n"
        "demo-1,Alicia,Specimen,1968-03-12,(303) 555-0199,,,\n"
        "n-3,Alise,Specimen,1968-03-12,,,,\n",
    )
    view = look(database, team, public_id)
    assert view.ignored == ("fax",)
    assert [(line.line, [(each.column, each.code) for each in line.problems], line.like) for line in view.lines] == [
        (2, [], None),
        (3, [("family_name", "needed"), ("phone", "not_a_phone")], None),
        (4, [("record_number", "twice")], None),
        (5, [], Like.NUMBER),
        (6, [], Like.NAME),
    ]
    assert [(each.column, each.before, each.after) for each in view.alike[0].changes] == [
        ("given_name", "Alice", "Alicia"),
        ("phone", "(303) 555-0100", "(303) 555-0199"),
    ]
    assert view.alike[0].choices == (Decision.SKIP, Decision.UPDATE)
    assert view.alike[1].choices == (Decision.SKIP, Decision.UPDATE, Decision.ADD)
    assert (view.taken, view.count(Decision.SKIP)) == (1, 2)
    assert names(database, team) == [ALICE]


def test_what_was_chosen_is_done_once_and_the_lines_are_gone(database: Database, team: Cast) -> None:
    public_id = uploaded(
        database,
        team,
        "n-1,Rosa,Placeholder,1960-01-02,,Rosa@Example.org,yes,9\n"
        "demo-1,Alicia,Specimen,1968-03-12,,alice@example.org,no,\n"
        "n-3,Alise,Specimen,1968-03-12,,,,\n",
    )
    assert not choose(database, team, public_id, {2: "skip", 3: "add"})  # neither is a choice of its line
    assert choose(database, team, public_id, {3: "update", 4: "add"})
    assert not choose(database, team, public_id, {3: "update"})
    done = bring_in(database, team, public_id)
    assert (done.added, done.updated, done.left_out) == (2, 1, 0)
    new = [("DEMO-1", "Alicia", "Specimen"), ("N-1", "Rosa", "Placeholder"), ("N-3", "Alise", "Specimen")]
    assert names(database, team) == new
    with database.reading() as session:
        alice, rosa = (
            session.scalars(select(Patient).where(Patient.record_number == each).order_by(Patient.id)).first()
            for each in ("DEMO-1", "N-1")
        )
        assert alice.phone == "(303) 555-0100"  # the cell was empty
        channels = {row.patient_id: row for row in session.scalars(select(Channel))}
        assert (channels[rosa.id].address, channels[rosa.id].consented_by) == ("rosa@example.org", team.cora.id)
        assert (channels[alice.id].address, channels[alice.id].consented_at) == ("alice@example.org", None)
        lines = select(AuditEntry.action, AuditEntry.patient_id).where(AuditEntry.subject == f"import:{public_id}")
        written = [tuple(row) for row in session.execute(lines)]
        assert ("patient.add", rosa.id) in written
        assert ("import.apply", None) in written
    for act in (bring_in, look):
        with pytest.raises(ImportOver):
            act(database, team, public_id)
    assert names(database, team) == new
    assert people.count(database, ImportRow) == 0


def test_a_record_number_that_was_taken_meanwhile_stops_the_whole_import(database: Database, team: Cast) -> None:
    public_id = uploaded(database, team, "n-1,Rosa,Placeholder,1960-01-02\nn-2,Theo,Madeup,1961-01-02\n")
    with database.writing() as session:
        people.patient(session, team.cora, "Somebody", "Else", number="N-2", born=date(1950, 1, 1))
    with pytest.raises(ChangedSincePreview) as stopped:
        bring_in(database, team, public_id)
    assert stopped.value.line == 3
    assert "N-1" not in [row[0] for row in names(database, team)]
    assert look(database, team, public_id).lines[1].like is Like.NUMBER
    assert bring_in(database, team, public_id).added == 1


def test_one_that_is_taken_in_the_same_moment_stops_it_too(
    database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = uploaded(database, team, "n-1,Rosa,Placeholder,1960-01-02\nn-2,Theo,Madeup,1961-01-02\n")
    with database.writing() as session:
        people.patient(session, team.cora, "Somebody", "Else", number="N-2", born=date(1950, 1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(lookalikes, "find", lambda *_args, **_more: {})  # looked before the other one was there
        with pytest.raises(ChangedSincePreview) as stopped:
            bring_in(database, team, public_id)
    assert stopped.value.line == 3
    assert len(names(database, team)) == 2


def test_somebody_like_a_line_who_came_meanwhile_is_shown_first(database: Database, team: Cast) -> None:
    public_id = uploaded(database, team, "n-1,Rosa,Placeholder,1960-01-02\n")
    with database.writing() as session:
        people.patient(session, team.cora, "Rosa", "Placeholdr", number="X-1", born=date(1960, 1, 2))
    with pytest.raises(ChangedSincePreview):
        bring_in(database, team, public_id)
    assert look(database, team, public_id).lines[0].decision is Decision.SKIP
    with pytest.raises(NothingToImport):
        bring_in(database, team, public_id)


def test_an_update_keeps_the_record_number_of_a_record_that_was_merged(database: Database, team: Cast) -> None:
    with database.writing() as session:
        gone = people.patient(session, team.cora, number="OLD-1")
        kept = session.scalars(select(Patient.id).where(Patient.public_id == team.alice)).one()
        session.execute(update(Patient).where(Patient.public_id == gone).values(merged_into_id=kept))
    public_id = uploaded(database, team, "old-1,Alicia,Specimen,1968-03-12\n")
    (line,) = look(database, team, public_id).lines
    assert line.duplicate_of.public_id == team.alice
    assert [each.column for each in line.changes] == ["given_name"]
    choose(database, team, public_id, {2: "update"})
    bring_in(database, team, public_id)
    assert ("DEMO-1", "Alicia", "Specimen") in names(database, team)


def test_files_that_nobody_decides_on_are_gone_after_a_week(database: Database, team: Cast) -> None:
    old = uploaded(database, team, "n-1,Rosa,Placeholder,1960-01-02\n")
    young = uploaded(database, team, "n-2,Rosa,Placeholder,1960-01-02\n", at=NOON + DAY)
    with database.writing() as session:
        importing.tidy(session, by=team.cora, at=NOON + 7 * DAY + timedelta(minutes=1))
    with pytest.raises(ImportOver):
        look(database, team, old)
    with database.writing() as session:
        importing.discard(session, young, by=team.cora, at=NOON)
        importing.discard(session, young, by=team.cora, at=NOON)
    assert people.count(database, ImportRow) == 0
    assert people.count(database, ImportBatch, ImportBatch.discarded_at.is_not(None)) == 2


def test_hundreds_of_lines_take_few_statements(database: Database, team: Cast) -> None:
    lines = "".join(
        f"M-{n},Given{n},Family{n},19{n % 80 + 10}-01-{n % 28 + 1:02},,p{n}@example.org,yes,\n" for n in range(300)
    )
    public_id = uploaded(database, team, lines)
    seen: list[str] = []
    with database.writing() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *args: seen.append(args[2]))
        assert importing.apply(session, public_id, by=team.cora, at=NOON).added == 300
    assert len(seen) < 30
    assert people.count(database, Channel) == 300


def test_hundreds_of_updates_take_few_statements_each(database: Database, team: Cast) -> None:
    lines = [f"M-{n},Given{n},Family{n},{date(1960, 1, 1) + n * DAY}" for n in range(200)]
    bring_in(database, team, uploaded(database, team, "".join(f"{each},,,,\n" for each in lines)))
    again = "".join(f"{each},(303) 555-0199,p{n}@example.org,yes,\n" for n, each in enumerate(lines))
    public_id = uploaded(database, team, again)
    seen: list[str] = []
    with database.writing() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *args: seen.append(args[2]))
        assert importing.choose(session, public_id, dict.fromkeys(range(2, 202), "update"), by=team.cora, at=NOON)
        assert len(seen) < 12
        assert importing.apply(session, public_id, by=team.cora, at=NOON).updated == 200
    assert len(seen) < 200 * 6 + 40
    assert people.count(database, Channel, Channel.consented_at.is_not(None)) == 200


def test_a_second_line_of_somebody_new_is_left_out_unless_staff_say_otherwise(database: Database, team: Cast) -> None:
    public_id = uploaded(
        database,
        team,
        "n-1,Rosa,Placeholder,1960-01-02\nn-2,Rosa,Placeholdr,1960-01-02\nn-3,Theo,Madeup,1960-01-02\n",
    )
    view = look(database, team, public_id)
    assert [(line.like, line.earlier, line.decision) for line in view.lines] == [
        (None, None, Decision.ADD),
        (Like.LINE, 2, Decision.SKIP),
        (None, None, Decision.ADD),
    ]
    assert not choose(database, team, public_id, {3: "update"})  # nobody is there whom it could update
    assert choose(database, team, public_id, {3: "add"})
    assert bring_in(database, team, public_id).added == 3


def test_two_lines_for_one_patient_leave_one_address(database: Database, team: Cast) -> None:
    public_id = uploaded(
        database,
        team,
        "demo-1,Alice,Specimen,1968-03-12,,old@example.org,,\nn-3,Alise,Specimen,1968-03-12,,new@example.org,yes,\n",
    )
    assert choose(database, team, public_id, {2: "update", 3: "update"})
    bring_in(database, team, public_id)
    with database.reading() as session:
        active = session.scalars(select(Channel).where(Channel.withdrawn_at.is_(None))).one()
        assert (active.address, active.consented_at) == ("new@example.org", NOON)


def test_who_may(database: Database, team: Cast) -> None:
    public_id = uploaded(database, team, "n-1,Rosa,Placeholder,1960-01-02\n")
    with database.writing() as session:
        for act in (importing.preview, importing.apply, importing.discard):
            for who, refusal in ((team.charlie, NotFound), (team.ada, NotAllowed)):
                with pytest.raises(refusal):
                    act(session, public_id, by=who, at=NOON)
