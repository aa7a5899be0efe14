"""Text and colours, and the language: kept in the browser's session, and with the patient once identified."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug.exceptions import HTTPException

from prom_server import clock
from prom_server.core.preferences import CONTRASTS, LANGUAGES, TEXT_SIZES, Preferences, choices_in
from prom_server.services import preferences
from prom_server.services.visits import SessionOver
from prom_server.transaction import reading, transaction
from prom_server.web import guard, languages
from prom_server.web.errors import wants_json

pages = Blueprint("preferences", __name__)

DISPLAY = "display"  # in the session: how the pages look now
CHOSEN = "chosen"  # in the session: what was chosen before anybody was identified
STAFFS = Preferences(contrast="light")


def install(app: Flask) -> None:
    app.before_request(_settle)
    app.context_processor(_display)


@pages.post("/preferences")
def choose() -> Shown:
    """Back to the same page, with what was chosen. For our script: how it looks now."""
    changes = choices_in(request.form)
    endpoint, path = _page_before()
    if not (guard.RULES[endpoint] is guard.Access.PATIENT and _kept_with_patient(changes)):
        for name in (DISPLAY, CHOSEN):
            session[name] = session.get(name, {}) | changes
    if wants_json():
        return {**session.get(DISPLAY, {})}
    return redirect(path, 303)


def chosen() -> dict[str, str]:
    """What this browser's person chose before the identification. To be asked before the session is cleared."""
    return choices_in(session.get(CHOSEN, {}))


def follow(token: str, chosen_before: Mapping[str, str]) -> None:
    """After the identification: the patient's own preferences, and what was chosen on the way in."""
    if chosen_before:
        with transaction() as database:
            now = preferences.choose(database, token, chosen_before, at=clock.now())
    else:
        with reading() as database:
            now = preferences.of_session(database, token, at=clock.now())
    session[DISPLAY] = asdict(now)


def show_as(patients: Preferences) -> None:
    """This page alone, for a patient without a session. What was chosen in this browser goes before."""
    g.display = asdict(patients) | chosen()
    g.language = g.display["language"]


def forget() -> None:
    """Nobody is here: what was chosen on a tablet and left is not the next patient's."""
    for name in (DISPLAY, CHOSEN):
        session.pop(name, None)
    for settled in ("display", "language"):
        g.pop(settled, None)


def _settle() -> None:
    """Before anything ends the session: its last page still looks as it was chosen."""
    g.display = choices_in(session.get(DISPLAY, {}))


def _kept_with_patient(changes: Mapping[str, str]) -> bool:
    """False where nobody is identified any more."""
    if "patient" not in session:
        return False
    try:
        with transaction() as database:
            now = preferences.choose(database, session["patient"], changes, at=clock.now())
    except SessionOver:
        return False
    session[DISPLAY] = asdict(now)
    return True


def _page_before() -> tuple[str, str]:
    """The endpoint and the path that the form came from; the welcome where it names no page of ours."""
    path = request.form.get("back", "")
    if not path.startswith("/"):
        return "patient.welcome", url_for("patient.welcome")
    try:
        endpoint, _values = current_app.url_map.bind("").match(path, method="GET")
    except HTTPException:
        return "patient.welcome", url_for("patient.welcome")
    return endpoint, path


def _display() -> dict[str, Any]:
    """How this page looks. Staff pages are as they are."""
    shown = STAFFS if languages.is_staffs() else replace(Preferences(), **g.get("display", {}))
    return {
        "display": replace(shown, language=languages.current()),
        "direction": languages.direction(),
        "language": languages.current(),
        "languages": LANGUAGES,
        "text_sizes": TEXT_SIZES,
        "contrasts": CONTRASTS,
    }
