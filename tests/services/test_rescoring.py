"""Scored again under another revision: asked for, with a reason, one line of the audit each, the old scores kept."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from prom_server.core.instrument import Instrument
from prom_server.core.refusals import NotFound
from prom_server.core.rescoring import DoesNotFit, Rescored
from prom_server.services import catalogue, corrections, reopening, rescoring, trends, verification
from prom_server.services.rescoring import Act, TablesMissing
from prom_server.store.assessments import Administration, RecordedScore
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql
from tests.support.definitions import SECOND, Definitions
from tests.support.desk import ANSWERS, Desk

PRORATED = [*ANSWERS[:6], None]


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    return Definitions(tmp_path)


REASONED = "gad-7: revision 1 → 2, decided by Ada Example. The bands were corrected."


@pytest.fixture
def desk(definitions: Definitions, database: Database) -> Desk:
    """Four patients: three have submitted, the third nothing but zeros, and the fourth is answering."""
    desk = Desk(database)
    for values in (ANSWERS, PRORATED, [0] * 7):
        token = desk.begun()
        desk.answer(token, values)
        desk.submit(token)
    desk.answer(desk.begun(), ANSWERS[:3])
    return desk


@pytest.fixture
def act(desk: Desk, definitions: Definitions) -> Act:
    definitions.revise()
    return Act(rescoring.target("gad-7", 2), "The bands were corrected.", "Ada Example")


def run(database: Database, act: Act, at_most: int = rescoring.AT_ONCE, stretches: int = 100) -> int:
    """How many administrations were scored again, in so many transactions at most."""
    done = last = 0
    for _ in range(stretches):
        with database.writing() as session:
            each = rescoring.rescore(session, act, at=NOON, after=last, at_most=at_most)
        if each is None:
            break
        done, last = done + each.administrations, each.last
    return done


def scores(database: Database, *, current: bool) -> list[tuple[int | None, str, object, str | None]]:
    with database.reading() as session:
        rows = session.scalars(
            select(RecordedScore)
            .where(RecordedScore.superseded_at.is_(None) if current else RecordedScore.superseded_at.is_not(None))
            .order_by(RecordedScore.administration_id)
        )
        return [(row.instrument_revision, row.status, row.value, row.band) for row in rows]


FIRST = [(1, "scored", 5, "mild"), (1, "prorated", 6, "mild"), (1, "scored", 0, "minimal")]
AGAIN = [(2, "scored", 5, "minimal"), (2, "not_scorable", None, None), (2, "scored", 0, "minimal")]


def test_a_preview_tells_and_changes_nothing(desk: Desk, act: Act) -> None:
    with desk.database.reading() as session:  # on SQLite this session cannot even write
        assert rescoring.administrations(session, act) == 3
        found = rescoring.preview(session, act)
        assert found is not None
        assert rescoring.preview(session, act, after=found.last) is None
    assert (found.administrations, found.scores, found.changed, found.misfits) == (3, 3, 1, ())
    assert (scores(desk.database, current=True), scores(desk.database, current=False)) == (FIRST, [])


def test_new_scores_supersede_the_old_ones_which_are_kept(desk: Desk, act: Act) -> None:
    pins = desk.pins()
    assert run(desk.database, act) == 3
    assert scores(desk.database, current=True) == AGAIN
    assert scores(desk.database, current=False) == FIRST
    assert desk.pins() == pins  # what was answered, and under what, stays
    with desk.database.reading() as session:
        rows = session.scalars(select(RecordedScore).where(RecordedScore.instrument_revision == 2)).all()
        assert {(row.content_hash, row.supplement_hash, row.computed_at) for row in rows} == {
            (act.target.content_hash, "", NOON)
        }
        checked = verification.check(session)
        assert checked is not None
        assert (checked.scores, checked.differences) == (6, ())


def test_the_new_scores_recompute_once_the_revision_is_gone(desk: Desk, act: Act, definitions: Definitions) -> None:
    run(desk.database, act)
    definitions.remove("gad/gad-7.v2.yaml")
    with desk.database.reading() as session:
        checked = verification.check(session)
        assert checked is not None
        assert checked.differences == ()


def test_one_line_of_the_audit_for_each(desk: Desk, act: Act) -> None:
    run(desk.database, act)
    with desk.database.reading() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == "score.rescore")).all()
        submitted = session.scalars(select(Administration.public_id).where(Administration.submitted_at.is_not(None)))
        assert {line.subject for line in lines} == {f"administration:{each}" for each in submitted}
    assert len(lines) == 3
    assert {(line.actor, line.staff_id, line.clinic_id) for line in lines} == {("system", None, desk.by.clinic.id)}
    assert {line.detail for line in lines} == {REASONED}
    assert len({line.patient_id for line in lines}) == 3


def test_a_second_run_does_nothing(desk: Desk, act: Act) -> None:
    run(desk.database, act)
    assert run(desk.database, act) == 0
    assert len(scores(desk.database, current=False)) == 3


def test_a_run_after_a_crash_does_what_is_left(desk: Desk, act: Act) -> None:
    assert run(desk.database, act, at_most=1, stretches=1) == 1
    assert scores(desk.database, current=True) == [AGAIN[0], *FIRST[1:]]

    class CrashError(Exception):
        pass

    with pytest.raises(CrashError), desk.database.writing() as session:  # noqa: PT012 - after the work, not in it
        rescoring.rescore(session, act, at=NOON, at_most=2)
        raise CrashError
    assert scores(desk.database, current=True) == [AGAIN[0], *FIRST[1:]]
    assert run(desk.database, act, at_most=1) == 2
    assert scores(desk.database, current=True) == AGAIN
    assert scores(desk.database, current=False) == FIRST


def test_what_is_asked_again_is_scored_from_what_its_score_counted(desk: Desk, definitions: Definitions) -> None:
    """It was not sent since, so an answer that changed meanwhile is in no score."""
    token = desk.begun()
    desk.answer(token, PRORATED)
    desk.submit(token)
    with desk.database.writing() as session:
        part = session.scalars(select(Administration.public_id).order_by(Administration.id.desc()).limit(1)).one()
        reopening.ask_again(session, part, by=desk.by, at=NOON)
    desk.answer(token, [3, *PRORATED[1:]])
    definitions.revise()
    act = Act(rescoring.target("gad-7", 2), "a test", "Ada")
    assert run(desk.database, act) == 4
    assert scores(desk.database, current=True) == [*AGAIN, AGAIN[1]]
    with desk.database.reading() as session:
        last = session.scalars(select(RecordedScore).order_by(RecordedScore.id.desc()).limit(1)).one()
        assert (last.sequence, last.raw, last.answered) == (7, 5, 6)
        assert verification.check(session).differences == ()
    assert run(desk.database, Act(rescoring.target("gad-7", 1), "back", "Ada")) == 4
    assert scores(desk.database, current=True) == [*FIRST, FIRST[1]]


def test_there_is_a_way_back(desk: Desk, act: Act) -> None:
    run(desk.database, act)
    assert run(desk.database, Act(rescoring.target("gad-7", 1), "back", "Ada")) == 3
    assert scores(desk.database, current=True) == FIRST
    assert len(scores(desk.database, current=False)) == 6
    with desk.database.reading() as session:
        checked = verification.check(session)
        assert checked is not None
        assert (checked.scores, checked.differences) == (9, ())


def test_only_of_the_clinic_that_was_named(desk: Desk, act: Act) -> None:
    with desk.database.writing() as session:
        other = clinic.clinic(session, name="Another Clinic")
    assert run(desk.database, Act(act.target, "a test", "Ada", other.id)) == 0
    assert run(desk.database, Act(act.target, "a test", "Ada", desk.by.clinic.id)) == 3


def test_what_was_entered_in_error_stays_as_it_is(desk: Desk, act: Act) -> None:
    with desk.database.writing() as session:
        first = session.scalars(select(Administration.public_id).order_by(Administration.id)).first()
        corrections.mark_in_error(session, str(first), "a test", by=desk.by, at=NOON)
    assert run(desk.database, act) == 2
    assert scores(desk.database, current=True) == [FIRST[0], *AGAIN[1:]]


def test_the_trend_shows_the_new_score_and_says_its_revision(desk: Desk, act: Act) -> None:
    run(desk.database, act)
    with desk.database.writing() as session:
        patient = trends.finding.patient(session, desk.patients[0], by=desk.by)
        facts = trends._facts(session, patient, by=desk.by, at=NOON)
    (score,), (administration,) = facts.scores, facts.assessments[0].administrations
    assert (score.score.band, score.revision, administration.revision) == ("minimal", 2, 1)
    assert facts.instruments["gad-7"].revision == 2


def without_option(target: Instrument, value: int) -> Instrument:
    items = (
        replace(item, options=tuple(each for each in item.options if each.value != value)) for item in target.items
    )
    return replace(target, items=tuple(items))


def test_an_option_that_the_revision_does_not_have_is_told_and_refused(desk: Desk, act: Act) -> None:
    act = replace(act, target=without_option(act.target, 1))
    found = preview(desk, act)
    assert (found.administrations, len(found.misfits)) == (1, 10)  # five answers of two patients
    assert found.misfits[0].what == "1 is no option of gad1 in revision 2"
    with pytest.raises(DoesNotFit, match="1 is no option of gad1 in revision 2"):
        run(desk.database, act)
    assert (scores(desk.database, current=True), scores(desk.database, current=False)) == (FIRST, [])


def test_an_item_of_another_name_is_told_and_refused(desk: Desk, definitions: Definitions) -> None:
    """Nobody skipped the new one: a score over it would be a guess."""
    definitions.revise(SECOND[0], ("id: gad2", "id: gad8"), ("items: [gad1, gad2", "items: [gad1, gad8"))
    act = Act(rescoring.target("gad-7", 2), "a test", "Ada")
    assert {each.what for each in preview(desk, act).misfits} == {
        "gad2 is no item of revision 2",
        "gad8 of revision 2 was not asked in revision 1",
    }
    with pytest.raises(DoesNotFit, match="gad2 is no item of revision 2"):
        run(desk.database, act)
    assert scores(desk.database, current=True) == FIRST


def preview(desk: Desk, act: Act) -> Rescored:
    with desk.database.reading() as session:
        found = rescoring.preview(session, act)
    assert found is not None
    return found


def test_a_revision_that_is_not_there_or_has_no_tables_is_refused(
    definitions: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound):
        rescoring.target("gad-7", 3)
    monkeypatch.setattr(type(catalogue.instrument("gad-7")), "has_tables", False)
    with pytest.raises(TablesMissing):
        rescoring.target("gad-7", 1)


@only_postgresql
def test_two_operators_at_once_score_everything_once(desk: Desk, act: Act) -> None:
    barrier, done, failures = threading.Barrier(2), [], []

    def operate() -> None:
        try:
            barrier.wait()
            done.append(run(desk.database, act))
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=operate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(done) == [0, 3]
    with desk.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RecordedScore)) == 6
