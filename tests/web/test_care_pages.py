"""The pages around an infusion: each form keeps what was typed, says what is wrong, and comes back to the course."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from prom_server.core.infusions import Details
from prom_server.services import infusions, opioid_doses
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.browsing import Browser
from tests.support.care import everything
from tests.support.clinic import NOON
from tests.web.test_staff_pages import form


def send(desk: Browser, part: str = "", **typed: str) -> None:
    """The page's own form, or the one whose address ends with `part`."""
    desk.submit(form(desk, part), **typed)


@pytest.fixture
def course(database: Database, team: Cast) -> str:
    with database.writing() as session:
        return people.start(session, team)


@pytest.fixture
def infusion(database: Database, team: Cast, course: str) -> str:
    with database.writing() as session:
        return people.infuse(session, course, team.bob, 0)[0]


def test_an_infusion_is_recorded_with_its_mg_per_kg(desk: Browser, course: str, noon) -> None:
    desk.get(f"/courses/{course}/infusions")
    typed = {"given_time": "09:15", "dose_mg": "40", "weight_kg": "81,3", "minutes": "40", "ondansetron": "no"}
    assert form(desk, "/infusions").fields["given_on"] == "2026-11-23"  # the next planned day
    assert "ondansetron" not in form(desk, "/infusions").fields  # nothing is chosen
    send(desk, "/infusions", **typed, mg_per_kg="0.9")
    assert desk.status == 422
    assert "not the dose divided by the weight" in desk.page.text
    assert 'value="81,3"' in desk.response.text
    send(desk, "/infusions", **typed, mg_per_kg="")
    assert (desk.path, desk.status) == (f"/courses/{course}", 200)
    assert "40 mg, 0.49 mg/kg" in desk.page.text
    assert "1 of 5 given" in desk.page.text
    desk.get(next(each for each in desk.page.links if "/infusions/" in each))
    for words in (
        "today 09:15, 40 minutes",
        "weight 81.3 kg",
        "dose over weight",
        "Ondansetron not given",
        "Not asked yet",
    ):
        assert words.lower() in desk.page.text.lower(), words
    desk.get(f"{desk.path}/change")
    assert form(desk, "").fields["mg_per_kg"] == ""  # it follows dose and weight
    assert form(desk, "").fields["ondansetron"] == "no"
    send(desk, weight_kg="80", ondansetron="")
    assert "40 mg, 0.5 mg/kg" in desk.page.text
    assert "Ondansetron not recorded" in desk.page.text
    desk.get(f"{desk.path}/change")
    send(desk, weight_kg="81.3", mg_per_kg="0.5")  # as the protocol says it, rounded
    desk.get(f"{desk.path}/change")
    shown = {name: form(desk, "").fields[name] for name in ("dose_mg", "weight_kg", "mg_per_kg")}
    assert shown == {"dose_mg": "40", "weight_kg": "81.3", "mg_per_kg": "0.5"}
    send(desk, minutes="41")  # the same again is no contradiction
    assert "41 minutes" in desk.page.text


def test_a_checklist_has_nothing_chosen_and_shows_what_was_not_asked(desk: Browser, infusion: str, noon) -> None:
    desk.get(f"/infusions/{infusion}/side-effects")
    assert len(form(desk, "").options) == 8
    assert set(form(desk, "").fields) == {"csrf_token", "seen", "what"}  # no radio button is chosen
    send(desk)
    assert "Nothing is chosen" in desk.page.text
    send(desk, other="yes")
    assert "which other side effect" in desk.page.text
    send(desk, nausea="yes", misuse="no", other="yes", what="itching")
    assert desk.path == f"/infusions/{infusion}"
    text = desk.page.text
    assert "Nausea yes" in text
    assert "Misuse no" in text
    assert "Paranoia not asked" in text
    assert "Other yes : itching" in text
    desk.get(f"/infusions/{infusion}/side-effects")
    assert form(desk, "").fields["nausea"] == "yes"
    assert "paranoia" not in form(desk, "").fields


def test_the_counts_on_the_course_page_name_their_denominators(desk: Browser, course: str, infusion: str, noon) -> None:
    assert "Not asked yet" in desk.get(f"/courses/{course}").page.text
    desk.get(f"/infusions/{infusion}/side-effects")
    send(desk, nausea="yes", misuse="no")
    text = desk.get(f"/courses/{course}").page.text
    assert "Nausea after 1 of 1 asked. Asked after 1 of 1 infusions." in text


def test_vital_signs(desk: Browser, infusion: str, noon) -> None:
    desk.get(f"/infusions/{infusion}/vital-signs")
    send(desk, measured_time="11:30", systolic="128")
    assert "both blood pressures, or neither" in desk.page.text
    send(desk, measured_time="11:30", systolic="128", diastolic="81", oxygen_saturation="970")
    assert "No device shows this value" in desk.page.text
    send(desk, measured_time="11:30", systolic="128", diastolic="81", oxygen_saturation="97")
    assert desk.path == f"/infusions/{infusion}"
    assert "128/81 mmHg, oxygen 97 %" in desk.page.text
    desk.submit(next(each for each in desk.page.forms if "/vital-signs/" in each.action))
    assert "marked as entered in error and counts no more" in desk.page.text


def test_a_day_is_missed_with_its_reason(desk: Browser, database: Database, team: Cast, noon) -> None:
    with database.writing() as session:
        course = people.start(session, team, starts_on=NOON.date() - timedelta(days=2))
        people.infuse(session, course, team.bob, -2)
    desk.get(f"/courses/{course}")
    assert "1 of 5 given, 1 not recorded" in desk.page.text
    desk.get(next(each for each in desk.page.links if "/infusion-days/" in each))
    send(desk)
    assert desk.status == 422
    send(desk, reason="other")
    assert "which other reason" in desk.page.text
    send(desk, reason="unwell", note="fever")
    assert desk.path == f"/courses/{course}"
    assert "1 of 5 given, 1 missed (unwell)" in desk.page.text
    desk.get(next(each for each in desk.page.links if "/infusion-days/" in each))
    send(desk, "/take-back")
    assert "The day is planned again" in desk.page.text


def test_an_adverse_event_to_its_end(desk: Browser, course: str, infusion: str, noon) -> None:
    desk.get(f"/courses/{course}/adverse-events")
    said = {"kind": "hypertension", "action": "infusion_stopped", "outcome": "resolving", "happened_time": "11:40"}
    send(desk, **said, resolved_on="2026-11-23")
    assert desk.status == 422  # a day without a time
    send(desk, **said, resolved_on="2026-11-23", resolved_time="11:50")
    assert "belongs to Resolved only" in desk.page.text
    send(desk, **said, resolved_on="", resolved_time="")
    assert desk.path == f"/courses/{course}"
    assert "Symptomatic hypertension . Infusion stopped. Resolving." in desk.page.text
    event = next(each for each in desk.page.links if "/adverse-events/" in each)
    desk.get(event)
    send(desk, outcome="resolved", resolved_on="2026-11-23", resolved_time="11:55")
    assert "Resolved today 11:55" in desk.page.text
    desk.get(event)
    send(desk, "/in-error")
    assert "Entered in error" in desk.page.text
    assert "cannot be changed" in desk.get(event).page.text


def test_care_is_one_page(desk: Browser, database: Database, team: Cast, course: str, infusion: str, noon) -> None:
    empty = desk.get(f"/courses/{course}/care").page.text
    assert "not the same as none" in empty
    with database.writing() as session:
        everything(session, course, by=team.cora)
    desk.get(f"/courses/{course}/opioid-doses")
    assert "CDC Clinical Practice Guideline" in desk.page.text
    send(desk, drug="", daily_amount="20")
    assert desk.status == 422
    send(desk, drug="morphine", daily_amount="20")
    assert desk.path == f"/courses/{course}/care"
    assert "today 50 MME a day" in desk.page.text
    assert "Morphine 20 mg 1 cdc-2022.v1 20 50" in desk.page.text  # of it, and all together
    desk.get(f"/courses/{course}/sessions")
    send(desk, kind="therapy", attended="no")
    assert "recorded for this day already" in desk.page.text
    send(desk, kind="education", attended="no")
    assert "therapy 1 of 1 attended; education 0 of 1 attended" in desk.page.text
    desk.get(f"/courses/{course}/other-care")
    send(desk, physiotherapy="no", massage="yes")
    assert "Massage No: physiotherapy Not asked: injections, psychology" in desk.page.text
    desk.get(f"/courses/{course}/notes")
    send(desk, written=" ")
    assert desk.status == 422
    send(desk, written="Sleeps better.")
    for part in ("/opioid-doses/", "/sessions/", "/notes/"):
        desk.submit(next(each for each in desk.page.forms if part in each.action))
        assert "marked as entered in error and counts no more" in desk.page.text
    text = desk.get(f"/courses/{course}").page.text
    assert "30 MME a day" in text
    assert "Came by bus." in text


def test_what_another_desk_saved_is_shown_and_not_overwritten(
    desk: Browser, database: Database, team: Cast, course: str, infusion: str, noon
) -> None:
    desk.get(f"/infusions/{infusion}/change")
    mine = replace(form(desk, ""), action=desk.path)
    with database.writing() as session:
        infusions.change_infusion(session, infusion, Details(minutes=44), by=team.bob, at=NOON)
    filled = replace(mine, fields=mine.fields | {"minutes": "45"})
    assert desk.submit(filled).status == 422
    assert "44 minutes" in desk.page.text
    again = form(desk, "")
    assert again.fields["minutes"] == "45"  # nothing typed is lost
    desk.submit(replace(again, action=filled.action))
    assert "45 minutes" in desk.page.text


def test_a_dose_names_what_it_replaces(desk: Browser, database: Database, team: Cast, course: str, noon) -> None:
    with database.writing() as session:
        opioid_doses.record_dose(session, course, "oxycodone", Decimal(20), NOON.date(), by=team.bob, at=NOON)
    desk.get(f"/courses/{course}/opioid-doses")
    assert "Oxycodone 20 mg a day since Mon 23 Nov 2026" in desk.page.text
