"""How a patient reads best is kept with the patient; another language counts where nothing was answered yet."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from prom_server.core.preferences import Preferences
from prom_server.services import answering, catalogue, pinning, preferences, visit_pages, visits
from prom_server.services.visits import SessionOver
from prom_server.store.assessments import Administration
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.desk import Desk
from tests.support.spanish import translate


@pytest.fixture
def supplements(tmp_path: Path) -> Path:
    """The GAD-7 in synthetic Spanish; the PHQ-9 is in English only."""
    folder = tmp_path / "supplements"
    folder.mkdir()
    translate(folder, "gad-7")
    return folder


@pytest.fixture
def desk(database: Database, supplements: Path) -> Desk:
    clinic.bind_definitions(supplements)
    return Desk(database)


def choose(desk: Desk, token: str, **changes: str) -> Preferences:
    with desk.database.writing() as session:
        return preferences.choose(session, token, changes, at=NOON)


def parts(desk: Desk) -> list[tuple[str, str]]:
    with desk.database.reading() as session:
        rows = session.scalars(select(Administration).order_by(Administration.position))
        return [(row.language, pinning.begun_with(session, row).language) for row in rows]


def test_what_is_chosen_is_kept_with_the_patient_and_written_down(desk: Desk) -> None:
    token = desk.begun()
    assert choose(desk, token, contrast="dark") == Preferences("en", "normal", "dark")
    assert choose(desk, token, text_size="large", language="es") == Preferences("es", "large", "dark")
    with desk.database.reading() as session:
        assert preferences.of_session(session, token, at=NOON) == Preferences("es", "large", "dark")
        lines = session.scalars(
            select(AuditEntry.detail).where(AuditEntry.action == "patient.preferences").order_by(AuditEntry.id)
        )
        assert lines.all() == ["contrast: auto -> dark", "language: en -> es\ntext_size: normal -> large"]


@pytest.mark.parametrize("changes", [{}, {"language": "en"}, {"language": "xx"}, {"birth_date": "2000-01-01"}])
def test_what_changes_nothing_or_is_no_choice_is_not_written_down(desk: Desk, changes: dict[str, str]) -> None:
    token = desk.begun()
    assert choose(desk, token, **changes) == Preferences()
    with desk.database.reading() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "patient.preferences")).all() == []
        assert session.scalars(select(Patient.birth_date)).one() == BIRTH_DATE


def test_a_session_that_is_over_changes_nothing(desk: Desk) -> None:
    token = desk.begun()
    with pytest.raises(SessionOver), desk.database.writing() as session:
        preferences.choose(session, token, {"contrast": "dark"}, at=NOON + timedelta(hours=1))
    with desk.database.reading() as session:
        assert session.scalars(select(Patient.contrast)).one() == "auto"


def test_it_is_this_patient_s_alone(desk: Desk) -> None:
    token, _other = desk.begun(), desk.begun()
    choose(desk, token, contrast="contrast")
    with desk.database.reading() as session:
        assert session.scalars(select(Patient.contrast).order_by(Patient.id)).all() == ["contrast", "auto"]


def test_who_reads_spanish_begins_in_the_official_translation_where_there_is_one(desk: Desk) -> None:
    token = _identified(desk, "es")
    with desk.database.reading() as session:
        assert visit_pages.welcome(session, token, at=NOON).languages == ("en", "es")
    _start(desk, token)
    assert parts(desk) == [("en", "en"), ("es", "es")]
    with desk.database.writing() as session:
        session.execute(update(Administration).where(Administration.position == 1).values(submitted_at=NOON))
    with desk.database.reading() as session:
        step = visit_pages.step(session, token, 2, 1, at=NOON)
        assert (step.text, step.language) == ("Pregunta sintética 1", "es")
        assert [option.label for option in step.item.options][:2] == ["Opción 0", "Opción 1"]


def _identified(desk: Desk, language: str) -> str:
    with desk.database.writing() as session:
        link = clinic.invited(session, desk.by).token
        session.execute(update(Patient).values(language=language))
        visits.count_attempt(session, link, at=NOON)
        token = visits.identify(session, link, BIRTH_DATE, at=NOON).token
    assert token is not None
    return token


def _start(desk: Desk, token: str) -> None:
    with desk.database.writing() as session:
        answering.start(session, token, at=NOON)


def test_another_language_counts_for_what_was_not_answered_yet(desk: Desk) -> None:
    token = desk.begun()
    assert parts(desk) == [("en", "en"), ("en", "en")]
    choose(desk, token, language="es")
    assert parts(desk) == [("en", "en"), ("es", "es")]
    choose(desk, token, language="en")
    assert parts(desk) == [("en", "en"), ("en", "en")]


def test_what_was_begun_in_one_language_ends_in_it(desk: Desk, supplements: Path) -> None:
    translate(supplements, "phq-9")
    clinic.bind_definitions(supplements)
    token = desk.begun()
    desk.answer(token, [1])
    choose(desk, token, language="es")
    assert parts(desk) == [("en", "en"), ("es", "es")]
    assert desk.text(token, 2) == "Feeling down, depressed, or hopeless"


def test_a_definition_that_became_another_one_is_not_exchanged(desk: Desk) -> None:
    token = desk.begun()
    with desk.database.writing() as session:
        session.execute(update(Administration).values(content_hash="0" * 64))
    choose(desk, token, language="es")
    with desk.database.reading() as session:
        assert set(session.scalars(select(Administration.language))) == {"en"}


def test_a_translation_that_is_gone_comes_from_the_archive(desk: Desk, supplements: Path) -> None:
    _start(desk, _identified(desk, "es"))
    (supplements / "gad-7.es.yaml").unlink()
    clinic.bind_definitions(supplements)
    assert parts(desk) == [("en", "en"), ("es", "es")]


def test_a_translation_that_was_edited_changes_nothing_for_who_has_begun(desk: Desk, supplements: Path) -> None:
    token = _identified(desk, "es")
    _start(desk, token)
    file = supplements / "gad-7.es.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Pregunta sintética 1", "Otras palabras"), "utf-8")
    clinic.bind_definitions(supplements)
    with desk.database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.position == 2)).one()
        assert pinning.begun_with(session, row).items[0].text == "Pregunta sintética 1"


def test_spanish_of_a_country_serves_who_reads_spanish(tmp_path: Path) -> None:
    translate(tmp_path, "gad-7", "es-US")
    clinic.bind_definitions(tmp_path)
    assert catalogue.instrument("gad-7", language="es").language == "es-US"
    translate(tmp_path, "gad-7", "es")
    clinic.bind_definitions(tmp_path)
    assert catalogue.instrument("gad-7", language="es").language == "es"
    assert catalogue.instrument("gad-7").language == catalogue.instrument("phq-9", language="es").language == "en"
