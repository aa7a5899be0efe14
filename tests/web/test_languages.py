"""A visit in Spanish: our words in Spanish, the questionnaire's in Spanish only where an official text is present."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from prom_server.store.assessments import Administration, RecordedScore
from prom_server.store.database import Database
from prom_server.web import languages
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.clinic import TYPED_DATE, Invited
from tests.support.spanish import translate

SPANISH = {"HTTP_ACCEPT_LANGUAGE": "es-MX,es;q=0.9,en;q=0.5"}


pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def supplements(tmp_path: Path) -> Path:
    """The GAD-7 in synthetic Spanish; the PHQ-9 in English only."""
    folder = tmp_path / "supplements"
    folder.mkdir()
    translate(folder, "gad-7")
    return folder


@pytest.fixture
def phone(database: Database, tmp_path: Path, supplements: Path) -> Browser:
    browser = Browser(application(database, tmp_path, SUPPLEMENTS=str(supplements)))
    browser.client.environ_base |= SPANISH
    return browser


@pytest.fixture
def alice(phone: Browser, database: Database) -> Invited:
    with database.writing() as session:
        return clinic.invited(session, clinic.member(session, clinic.clinic(session)))


def begin(phone: Browser, alice: Invited) -> Browser:
    """In Spanish: chosen on the link's page, for that is what is kept with the patient."""
    phone.get(f"/a/{alice.token}").submit(phone.page.forms[-1], language="es")
    return phone.submit(**TYPED_DATE)


def in_english(html: str) -> list[str]:
    """What the page marks as English, as text."""
    found = re.findall(r'<(fieldset|p|blockquote)[^>]* lang="en"[^>]*>(.*?)</\1>', html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", words).split()) for _tag, words in found]


def test_a_visit_in_spanish(phone: Browser, alice: Invited, database: Database) -> None:
    begin(phone, alice)
    assert '<html lang="es" dir="ltr"' in phone.response.text
    assert "Unos 3 minutos, 16 preguntas en 2 partes" in phone.page.text
    assert "Una parte está en otro idioma" in phone.page.text

    phone.submit()
    assert "Estas preguntas están en inglés. No hay una versión oficial en su idioma." in phone.page.text
    assert "Cómo se siente · 1 de 9" in phone.page.text
    assert "Little interest or pleasure" in in_english(phone.response.text)[0]
    phone.answer(1)
    assert "inglés" not in phone.page.text  # said before it begins, once

    phone.answer_until_review(1)
    assert "Todas las preguntas de esta parte están contestadas" in phone.page.text
    phone.submit()
    assert "Contexto sintético 1 Pregunta sintética 1 Opción 0 Opción 1" in phone.page.text
    assert "inglés" not in phone.page.text
    assert "lang=" not in phone.response.text[phone.response.text.index("<fieldset") :].partition("</fieldset>")[0]
    phone.answer_until_review(2).submit()
    assert phone.path == "/answer/thanks"
    assert "Gracias." in phone.page.text
    with database.reading() as session:
        rows = session.scalars(select(Administration).order_by(Administration.position)).all()
        assert [(row.instrument_id, row.language) for row in rows] == [("phq-9", "en"), ("gad-7", "es")]
        scores = session.execute(select(RecordedScore.scale, RecordedScore.value).order_by(RecordedScore.id)).all()
        assert [int(value) for scale, value in scores if scale == "total"] == [9, 14]


def test_without_any_translation_the_welcome_says_so(phone: Browser, alice: Invited, supplements: Path) -> None:
    (supplements / "gad-7.es.yaml").unlink()
    clinic.bind_definitions(supplements)
    assert "Las preguntas están en inglés. No hay una versión oficial en su idioma." in begin(phone, alice).page.text


def test_who_reads_english_is_told_nothing(phone: Browser, alice: Invited) -> None:
    phone.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert "language" not in phone.open_link(alice.token).page.text.replace("Language English", "")
    assert "official" not in phone.submit().page.text


def test_the_help_page_is_in_spanish(phone: Browser, alice: Invited) -> None:
    begin(phone, alice).submit()
    for _ in range(8):
        phone.answer(0)
    assert "Puede hablar con alguien ahora" in phone.response.text  # already in the page of item 9
    phone.answer(1)
    assert phone.path.endswith("/help")
    for words in ("Llamar al 988", "Enviar mensaje al 988", "Por favor, llámenme", "Llamar al 911", "Continuar"):
        assert words in phone.page.text
    assert "Le vamos a llamar" in phone.submit().page.text


def test_counted_words_and_skips(phone: Browser, alice: Invited) -> None:
    begin(phone, alice).submit()
    phone.submit(go="skip")
    assert "¿Saltar esta pregunta?" in phone.page.text
    assert "Little interest or pleasure" in in_english(phone.response.text)[0]
    phone.submit(go="skip-confirmed")
    phone.get("/answer/1/review")
    assert "Faltan 9 respuestas" in phone.page.text
    assert "“Cómo se siente” no se puede calcular sin ella" in phone.page.text
    phone.get("/answer/go-on")
    while not phone.path.endswith("/review"):
        phone.answer(0)
    assert "Falta una respuesta" in phone.page.text


def test_dates_are_written_as_in_spanish(
    phone: Browser, alice: Invited, noon: time_machine.Traveller, database: Database
) -> None:
    noon.shift(timedelta(days=-60))
    phone.get(f"/a/{alice.token}")
    assert re.search(r"a partir de esta fecha: \w{3} \d+ \w{3} 2026\.", phone.page.text)
    assert not re.search(r"\d+ (Nov|Oct|Dec) 2026", phone.page.text)


@pytest.mark.parametrize(
    ("asked", "language"),
    [("es", "es"), ("es-AR", "es"), ("fr,es;q=0.5", "es"), ("fr", "en"), ("", "en"), ("en,es", "en")],
)
def test_a_public_page_speaks_as_the_browser_asks(phone: Browser, asked: str, language: str) -> None:
    phone.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = asked
    assert f'<html lang="{language}"' in phone.get("/a/nothing").response.text


def test_error_pages_are_in_the_patient_s_language(phone: Browser, alice: Invited) -> None:
    form = begin(phone, alice).submit().page.form
    assert "No es una respuesta a esta pregunta" in phone.submit(form, value="99").page.text
    assert "Por favor, inténtelo de nuevo" in phone.submit(form, csrf_token="").page.text
    assert "No hay nada en esta dirección" in phone.get("/nowhere").page.text


def test_no_english_of_ours_is_left_on_the_way(phone: Browser, alice: Invited) -> None:
    """Words that every English page of ours has; what is marked as English is the questionnaire's."""
    begin(phone, alice)
    common = re.compile(r"\b(the|your|you|is|are|and|answer|question|please)\b", re.IGNORECASE)
    for _ in range(40):
        text = phone.response.text
        for tag in ("fieldset", "p", "blockquote", "template", "li"):
            text = re.sub(rf'<({tag})[^>]* lang="en"[^>]*>.*?</\1>', "", text, flags=re.DOTALL)
        words = re.sub(r"<[^>]+>", " ", text[text.index("<main") :])
        assert not common.findall(words), (phone.path, common.findall(words))
        if phone.path == "/answer/thanks":
            return
        if phone.path.endswith("/help"):
            phone.get(phone.page.links[-1])
        elif phone.path.endswith("/review") or phone.path == "/answer":
            phone.submit()
        else:
            phone.answer(1)
    pytest.fail("the visit did not end")


def test_a_missing_translation_falls_back_to_the_source() -> None:
    assert languages._catalogue("es").gettext("Today") == "Today"
    assert languages._catalogue("es").ngettext("%(num)s day", "%(num)s days", 2) == "%(num)s days"
