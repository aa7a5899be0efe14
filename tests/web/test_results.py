"""Results on the pages: the administrator turns them on, the clinician shares them, the patient reads them in words."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from prom_server.store.database import Database
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser
from tests.support.clinic import TYPED_DATE, Invited
from tests.support.pages import Form
from tests.support.signing_in import signed_in

WORDS = {"words-hours_es": "de lunes a viernes, de 8 a 17 h", "words-help_en": "", "words-help_es": ""}

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def rosa(database: Database, team: Cast) -> Invited:
    with database.writing() as session:
        return clinic.invited(session, team.bob, number=7)


@pytest.fixture
def phone(app: Flask, rosa: Invited) -> Browser:
    """Rosa, who has answered and sent everything: 8 in the PHQ-9, 21 in the GAD-7."""
    browser = Browser(app).begin(rosa.token)
    for value in (1, 1, 1, 1, 1, 1, 1, 1, 0, 0):
        browser.answer(value)
    return browser.submit().answer_until_review(3).submit()


def form(page: Browser, part: str) -> Form:
    return next(each for each in page.page.forms if each.action.endswith(part))


def turn_on(app: Flask, database: Database, team: Cast, **words: str) -> Browser:
    ada = signed_in(app, database, team.ada).get("/settings/patients")
    return ada.submit(form(ada, "/settings/patients"), **{**WORDS, "words-results": "yes", **words})


def test_from_the_setting_to_the_patient(
    app: Flask, database: Database, team: Cast, phone: Browser, rosa: Invited
) -> None:
    assert "results" not in phone.page.text
    assert phone.get(f"/a/{rosa.token}/results").status == 404
    turn_on(app, database, team)
    assert "you can read your results with the same link" in phone.get("/answer/thanks").page.text

    ask = f"/a/{rosa.token}/results"
    assert ask in phone.get(f"/a/{rosa.token}").page.links  # from the page that says that all is answered
    assert "nothing to see yet" in phone.get(ask).submit(**TYPED_DATE).page.text

    bob = signed_in(app, database, team.bob).get(f"/patients/{rosa.patient}")
    bob.submit(form(bob, f"/assessments/{rosa.assessment}/share"))
    assert "The patient can read these results now" in bob.page.text
    text = phone.get(ask).submit(**TYPED_DATE).page.text
    assert "Feelings Mild Score 8, on a scale from 0 to 27." in text
    assert "Worry and calm Severe Score 21, on a scale from 0 to 21." in text
    assert "Mon 23 Nov 2026" in text

    bob.get(f"/patients/{rosa.patient}")
    bob.submit(form(bob, f"/assessments/{rosa.assessment}/unshare"))
    assert "nothing to see yet" in phone.get(ask).submit(**TYPED_DATE).page.text


def test_only_a_clinician_has_the_button(
    app: Flask, database: Database, team: Cast, phone: Browser, rosa: Invited
) -> None:
    turn_on(app, database, team)
    cora = signed_in(app, database, team.cora).get(f"/patients/{rosa.patient}")
    assert "A clinician reviews them" in cora.page.text
    assert not any("share" in each.action for each in cora.page.forms)


def test_a_wrong_date_is_counted_and_said(
    app: Flask, database: Database, team: Cast, phone: Browser, rosa: Invited
) -> None:
    turn_on(app, database, team)
    phone.get(f"/a/{rosa.token}/results")
    assert phone.submit(month="3").status == 422
    assert "You can try 4 more times" in phone.submit(**{**TYPED_DATE, "day": "13"}).page.text
    for _ in range(5):
        phone.submit(**{**TYPED_DATE, "day": "13"})
    assert phone.status == 403
    assert "This link is locked." in phone.page.text


def test_they_are_in_the_patient_s_language_and_look(
    app: Flask, database: Database, team: Cast, phone: Browser, rosa: Invited
) -> None:
    turn_on(app, database, team)
    phone.get(f"/a/{rosa.token}/results")
    other = Browser(app).open_link(rosa.token)  # everything is answered: no session begins
    assert other.status == 410
    bob = signed_in(app, database, team.bob).get(f"/patients/{rosa.patient}")
    bob.submit(form(bob, f"/assessments/{rosa.assessment}/share")).get(f"/patients/{rosa.patient}/edit")
    bob.submit(bob.page.forms[-1], language="es", text_size="large", contrast="dark")
    phone.get(f"/a/{rosa.token}/results").submit(**TYPED_DATE)
    assert '<html lang="es" dir="ltr" data-theme="dark" data-text="large">' in phone.response.text
    assert "Cómo se siente Leve" in phone.page.text


def test_an_open_alert_comes_first(app: Flask, database: Database, team: Cast, rosa: Invited) -> None:
    turn_on(app, database, team)
    phone = Browser(app).begin(rosa.token)
    phone.answer_until_review(1).submit()
    bob = signed_in(app, database, team.bob).get(f"/patients/{rosa.patient}")
    bob.submit(form(bob, f"/assessments/{rosa.assessment}/share"))
    assert bob.status == 409
    assert "An alert is still open" in bob.page.text


# ---- What the clinic itself says


def test_the_clinic_s_own_words_in_each_language(app: Flask, database: Database, team: Cast, rosa: Invited) -> None:
    own = {"words-help_en": "Dr. Bob is here\nfor you.", "words-help_es": "El Dr. Bob está aquí."}
    turn_on(app, database, team, **own)
    phone = Browser(app).begin(rosa.token)
    while not phone.path.endswith("/help"):
        phone.answer(1)
    assert "Dr. Bob is here for you." in phone.page.text
    assert "carry them alone" not in phone.page.text
    assert "weekdays 8 am to 5 pm" in phone.page.text
    phone.submit(form(phone, "/preferences"), language="es")
    assert "El Dr. Bob está aquí." in phone.page.text
    assert "La clínica lee las respuestas en este horario: de lunes a viernes, de 8 a 17 h." in phone.page.text
    assert "weekdays" not in phone.page.text
    ada = signed_in(app, database, team.ada).get("/settings/patients")
    assert "El Dr. Bob está aquí." in ada.response.text


def test_without_words_in_spanish_ours_stand_and_english_is_marked(
    app: Flask, database: Database, team: Cast, rosa: Invited
) -> None:
    turn_on(app, database, team, **{"words-hours_es": "", "words-help_en": "Dr. Bob is here."})
    phone = Browser(app).begin(rosa.token)
    phone.submit(form(phone, "/preferences"), language="es")
    while not phone.path.endswith("/help"):
        phone.answer(1)
    assert "Dr. Bob is here." not in phone.response.text
    assert "no tiene que cargar" in phone.page.text or "no tiene por qué" in phone.page.text
    assert '<span lang="en">weekdays 8 am to 5 pm</span>' in phone.response.text


def test_words_that_are_too_long_are_refused_and_stay(app: Flask, database: Database, team: Cast) -> None:
    ada = turn_on(app, database, team, **{"words-help_en": "x" * 601})
    assert ada.status == 422
    assert "x" * 601 in ada.response.text
    assert "This is too long." in ada.page.text


def test_results_end_after_thirty_days(
    app: Flask, database: Database, team: Cast, phone: Browser, rosa: Invited, noon: time_machine.Traveller
) -> None:
    turn_on(app, database, team)
    bob = signed_in(app, database, team.bob).get(f"/patients/{rosa.patient}")
    bob.submit(form(bob, f"/assessments/{rosa.assessment}/share"))
    noon.shift(timedelta(days=31))
    assert "nothing to see yet" in phone.get(f"/a/{rosa.token}/results").submit(**TYPED_DATE).page.text
