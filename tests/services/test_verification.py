"""Stored scores are computed again: what was changed behind the server's back is found, and nobody is named."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import delete, event, insert, select, text, update
from sqlalchemy.orm import Session

from prom_server.core.verification import Difference, Problem
from prom_server.services import pinning, rescoring, verification
from prom_server.store.assessments import Administration, RecordedScore, Response
from prom_server.store.database import Database
from prom_server.store.definitions import Definition
from tests.support.clinic import NOON
from tests.support.definitions import GAD_7, Definitions
from tests.support.desk import ANSWERS, Desk


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    return Definitions(tmp_path)


@pytest.fixture
def desk(definitions: Definitions, database: Database) -> Desk:
    """Three patients: two have submitted, the second with an answer missing, and the third is answering."""
    desk = Desk(database)
    for values in (ANSWERS, [*ANSWERS[:6], None]):
        token = desk.begun()
        desk.answer(token, values)
        desk.submit(token)
    desk.answer(desk.begun(), ANSWERS[:3])
    return desk


def found(database: Database, at_most: int = verification.AT_ONCE) -> tuple[int, int, list[Difference]]:
    """Administrations, scores and differences of all stretches."""
    seen = scores = last = 0
    differences: list[Difference] = []
    while True:
        with database.reading() as session:
            each = verification.check(session, after=last, at_most=at_most)
        if each is None:
            return seen, scores, differences
        seen, scores, last = seen + each.seen, scores + each.scores, each.last
        differences.extend(each.differences)


def tamper(database: Database, act: Callable[[Session], object]) -> None:
    """As somebody with the database's own tools, past the triggers."""
    with database.writing() as session:
        if database.on_sqlite:
            names = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
            for name in names:
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        act(session)


@pytest.mark.parametrize("at_most", [1, 2, 500])
def test_what_is_whole_has_no_difference(desk: Desk, at_most: int) -> None:
    assert found(desk.database, at_most) == (3, 2, [])


TAMPERED = {
    "value": Decimal(4),
    "raw": 6,
    "se": Decimal("0.1"),
    "band": "moderate",
    "status": "prorated",
    "answered": 6,
    "reason": "prorated",
}


@pytest.mark.parametrize("column", TAMPERED)
def test_a_changed_score_is_found(desk: Desk, column: str) -> None:
    with desk.database.reading() as session:
        first = session.scalars(select(RecordedScore.id).order_by(RecordedScore.id)).first()
        public_id = session.scalars(select(Administration.public_id).order_by(Administration.id)).first()
    changed = update(RecordedScore).where(RecordedScore.id == first).values({column: TAMPERED[column]})
    tamper(desk.database, lambda session: session.execute(changed))
    seen, scores, (difference,) = found(desk.database)
    assert (seen, scores) == (3, 2)
    assert (difference.administration, difference.problem, difference.scale) == (public_id, Problem.DIFFERENT, "total")
    assert getattr(difference.stored, column) == TAMPERED[column]
    assert getattr(difference.recomputed, column) == {**dict.fromkeys(TAMPERED), "value": 5, "raw": 5, "band": "mild",
        "status": "scored", "answered": 7}[column]  # fmt: skip


def _answer(session: Session, value: int | None) -> None:
    administration = session.scalars(select(Administration.id).order_by(Administration.id)).first()
    session.execute(
        insert(Response).values(
            administration_id=administration, item_id="gad7", sequence=99, value=value, answered_at=NOON, at=NOON
        )
    )


def test_an_answer_that_was_added_behind_is_found(desk: Desk) -> None:
    with desk.database.writing() as session:
        _answer(session, 3)
    (difference,) = found(desk.database)[2]
    assert (difference.stored.value, difference.recomputed.value) == (5, 8)


def test_an_answer_that_is_no_option_is_found(desk: Desk) -> None:
    with desk.database.writing() as session:
        _answer(session, 9)
    (difference,) = found(desk.database)[2]
    assert difference.problem is Problem.INVALID_ANSWER
    assert "gad7: 9 is none of its options" in difference.detail


def test_scores_that_are_gone_and_scores_without_a_submit_are_found(desk: Desk) -> None:
    def act(session: Session) -> None:
        first, second, _third = session.scalars(select(Administration.id).order_by(Administration.id))
        session.execute(delete(RecordedScore).where(RecordedScore.administration_id == first))
        session.execute(update(Administration).where(Administration.id == second).values(submitted_at=None))

    tamper(desk.database, act)
    assert [each.problem for each in found(desk.database)[2]] == [Problem.WITHOUT_SCORES, Problem.NOT_SUBMITTED]


def test_a_scale_that_the_definition_does_not_have_is_found(desk: Desk) -> None:
    rename = update(RecordedScore).where(RecordedScore.answered == 7).values(scale="other")
    tamper(desk.database, lambda session: session.execute(rename))
    differences = {each.scale: (each.stored, each.recomputed) for each in found(desk.database)[2]}
    assert differences["total"][0] is None
    assert differences["other"][1] is None


def test_a_definition_that_is_nowhere_is_found_even_before_the_submit(desk: Desk, definitions: Definitions) -> None:
    definitions.edit(GAD_7, ("Afraid", f"Afraid {definitions.instruments}"))
    assert found(desk.database)[2] == []  # all of them come from the archive
    tamper(desk.database, lambda session: session.execute(delete(Definition)))
    pinning._rebuilt.clear()
    differences = found(desk.database)[2]
    assert [each.problem for each in differences] == [Problem.DEFINITION_MISSING] * 3
    assert "is neither among the definitions nor in the archive" in str(differences[0].detail)


def test_superseded_scores_are_computed_again_under_their_own_revision(desk: Desk, definitions: Definitions) -> None:
    definitions.revise()
    with desk.database.writing() as session:
        rescoring.rescore(session, rescoring.Act(rescoring.target("gad-7", 2), "a test", "Ada"), at=NOON)
    assert found(desk.database) == (3, 4, [])
    superseded = update(RecordedScore).where(RecordedScore.band == "mild").values(band="severe")
    tamper(desk.database, lambda session: session.execute(superseded))
    differences = found(desk.database)[2]
    assert [(each.revision, each.stored.band, each.recomputed.band) for each in differences] == [
        (1, "severe", "mild"),
        (1, "severe", "mild"),
    ]


def test_scores_of_an_older_server_are_computed_under_the_administrations_own_revision(desk: Desk) -> None:
    unknown = update(RecordedScore).values(instrument_revision=None, content_hash=None, supplement_hash=None)
    tamper(desk.database, lambda session: session.execute(unknown))
    assert found(desk.database) == (3, 2, [])


def test_a_submit_between_two_statements_is_no_difference(desk: Desk) -> None:
    """Each stretch is read as of one moment: never an administration from before a submit with scores from after."""
    token = desk.begun()
    desk.answer(token, ANSWERS)
    with desk.database.reading() as session:
        visit = iter([lambda: desk.submit(token)])

        def meanwhile(*_told: object) -> None:
            for submit in visit:
                submit()

        connection = session.connection()
        event.listen(connection, "after_cursor_execute", meanwhile)
        checked = verification.check(session)
    assert checked is not None
    assert (checked.scores, checked.differences) == (2, ())
    assert found(desk.database) == (4, 3, [])
