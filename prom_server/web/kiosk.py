"""The clinic's tablet: it waits, asks for the birth date, covers itself, comes back to its start. It names nobody."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug import Response

from prom_server import clock
from prom_server.core.kiosks import HandoverGone, typed_code
from prom_server.core.permissions import ClinicFacts
from prom_server.services import kiosks, tablet_entry, tablets, visits
from prom_server.services.visits import Attempt, LinkRefused
from prom_server.transaction import reading, transaction
from prom_server.web import preferences
from prom_server.web import tablets as browser
from prom_server.web.circumstances import is_large
from prom_server.web.tablets import HANDOVER, LANGUAGE, LARGE, MARK
from prom_server.web.visit_entry import typed_date

pages = Blueprint("kiosk", __name__)

LOOKS_AGAIN = 5  # seconds between two looks of a waiting tablet
MESSAGE_STAYS = 30  # seconds
WAITED_FOR = "waited_for"  # in the session: the handover whose birth date is asked for


# ---- Waiting, and the way in


@pages.get("/kiosk")
def start() -> Shown:
    """The desk has chosen this tablet for somebody, or nobody is waited for."""
    browser.end_staff()
    if "patient" in session:
        return redirect(url_for(".cover"), 303)
    device, at = g.device, clock.now()
    if device is not None and device.locked:
        return _calm(render_template("kiosk/locked.html", clinic=device.clinic), MESSAGE_STAYS)
    with reading() as database:
        waiting = tablet_entry.waiting(database, g.where, at=at)
    if waiting is not None:
        return _birth_page(_clinic_of(waiting))
    if device is None:
        return _own_device_is_back()
    preferences.forget()
    return _calm(render_template("kiosk/waiting.html", clinic=device.clinic), LOOKS_AGAIN)


def _clinic_of(waiting: tuple[str, ClinicFacts]) -> ClinicFacts:
    """How the page looks was chosen by whoever was waited for then: with another one that is forgotten."""
    handover, clinic = waiting
    if session.get(WAITED_FOR) not in {None, handover}:
        preferences.forget()
    session[WAITED_FOR] = handover
    return clinic


def _own_device_is_back() -> Response:
    """A device of the staff's own: nothing is handed over any more."""
    session.clear()
    response = redirect(url_for("auth.sign_in"), 303)
    response.headers.update(browser.NOTHING_REMAINS)
    return response


def _calm(html: str, seconds: int, status: int = 200) -> Response:
    return browser.refreshing(make_response(html, status), seconds)


def _birth_page(clinic: ClinicFacts, status: int = 200, **facts: object) -> Response:
    """What was typed and left half-way is gone by itself."""
    page = {"clinic": clinic, "error": None, "left": 1, "typed": {}, "resumes": False} | facts
    seconds = g.device.times.cover_after if g.device else 90
    return _calm(render_template("kiosk/birth_date.html", **page), seconds, status)


@pages.route("/kiosk/code", methods=["GET", "POST"])
def code() -> Shown:
    """Six numbers from the desk, typed or scanned."""
    if g.device is None or g.device.locked or "patient" in session:
        return redirect(url_for(".start"), 303)
    if request.method == "GET":
        return _code_page()
    typed = typed_code(request.form.get("code", ""))
    if typed is None:
        return _code_page(422, error="not_a_code")
    with transaction() as database:
        kiosks.count_code(database, g.device, at=clock.now())
    with transaction() as database:
        right = tablet_entry.claim(database, g.device, typed, at=clock.now())
    return redirect(url_for(".start"), 303) if right else _code_page(422, error="wrong_code")


def _code_page(status: int = 200, error: str | None = None) -> Response:
    html = render_template("kiosk/code.html", clinic=g.device.clinic, error=error)
    return _calm(html, g.device.times.cover_after, status)


@pages.post("/kiosk/birth-date")
def birth_date() -> Shown:
    """Opens the session; nothing of an earlier person, staff included, stays in this browser."""
    if g.device is not None and g.device.locked:
        return redirect(url_for(".start"), 303)
    with reading() as database:
        waiting = tablet_entry.waiting(database, g.where, at=clock.now())
    if waiting is None:
        raise HandoverGone("nothing waits here")
    clinic = _clinic_of(waiting)
    typed = typed_date()
    if typed is None:
        return _birth_page(clinic, 422, error="not_a_date", typed=request.form)
    attempt = _tried(typed)
    if attempt.token is None:
        return _birth_page(clinic, 422, error="wrong_date", left=attempt.left)
    return _open(attempt.token, preferences.chosen())


def _tried(typed: date) -> Attempt:
    with transaction() as database:
        tablet_entry.count_attempt(database, g.where, at=clock.now())
    with transaction() as database:
        return tablet_entry.identify(database, g.where, typed, at=clock.now())


def _open(token: str, chosen: Mapping[str, str]) -> Response:
    browser.let_go()
    session.pop(HANDOVER, None)
    session["patient"] = token
    session.setdefault(MARK, "kiosk")
    session[LARGE] = is_large(request.form.get("large"), request.user_agent.string)
    preferences.follow(token, chosen)
    response = redirect(url_for("patient.go_on"), 303)
    response.headers.update(browser.NOTHING_REMAINS)
    return response


@pages.post("/kiosk/start-over")
def start_over() -> Shown:
    """Not the person whom the desk meant."""
    with transaction() as database:
        tablet_entry.cancel(database, g.where, at=clock.now())
    browser.let_go()
    return browser.start()


# ---- While somebody answers


@pages.get("/kiosk/alive")
def alive() -> Shown:
    """Somebody touches the page without sending anything. The guard has counted it."""
    return "", 204


@pages.get("/kiosk/cover")
def cover() -> Shown:
    """Shows nothing. From now on the birth date is needed, until the session ends."""
    token, at = session.get("patient"), clock.now()
    if token is None:
        return redirect(url_for(".start"), 303)
    with transaction() as database:
        now = tablets.attendance(database, token, at=at)
        tablets.cover(database, token, now, at=at)
        left = tablets.seconds_left(database, token, now, at=at)
    html = render_template("kiosk/cover.html", clinic=now.clinic)
    return browser.refreshing(make_response(html), left + 1, "kiosk.cover")


@pages.route("/kiosk/here", methods=["GET", "POST"])
def here() -> Shown:
    """The birth date alone resumes."""
    token, at = session.get("patient"), clock.now()
    if token is None:
        return redirect(url_for(".start"), 303)
    with reading() as database:
        now = tablets.attendance(database, token, at=at)
    typed = typed_date()
    if request.method == "GET" or typed is None:
        error = None if request.method == "GET" else "not_a_date"
        response = _birth_page(now.clinic, 422 if error else 200, error=error, typed=request.form, resumes=True)
        return browser.refreshing(response, now.times.cover_after, "kiosk.cover")
    with transaction() as database:
        visits.count_resumption(database, token, at=clock.now())
    with transaction() as database:
        attempt = visits.resume(database, token, typed, at=clock.now())
    if attempt.token is None:
        response = _birth_page(now.clinic, 422, error="wrong_date", left=attempt.left, resumes=True)
        return browser.refreshing(response, now.times.cover_after, "kiosk.cover")
    return _open(attempt.token, {})  # what was chosen on a page that anybody could touch is nobody's


@pages.route("/kiosk/stop", methods=["GET", "POST"])
def stop() -> Shown:
    """Asks once; then the session ends, and what was answered is kept."""
    if request.method == "GET":
        return render_template("kiosk/stop.html", clinic=g.tablet.clinic)
    browser.let_go()
    return browser.start()


# ---- Set-up and staff


@pages.get("/kiosk/set-up/<token>")
def look_at_set_up(token: str) -> Shown:
    """Looking at it uses nothing up."""
    with reading() as database:
        device = kiosks.look_at_set_up(database, token, at=clock.now())
    return render_template("kiosk/set_up.html", device=device, clinic=device.clinic)


@pages.post("/kiosk/set-up/<token>")
def set_up(token: str) -> Shown:
    """This browser becomes the tablet; whoever was signed in here is signed out."""
    with transaction() as database:
        credential = kiosks.set_up(database, token, at=clock.now())
    browser.let_go()
    session.pop(MARK, None)
    response = browser.start()
    browser.set_credential(response, credential)
    return response


@pages.route("/kiosk/unlock", methods=["GET", "POST"])
def unlock() -> Shown:
    """A signed-in member of the staff stands before the tablet."""
    device = browser.device()
    if device is None:
        return redirect(url_for("clinic.home"), 303)
    if request.method == "GET":
        page = render_template("kiosk/staff.html", device=device, clinic=device.clinic)
        return _calm(page, device.times.cover_after)  # which signs out whoever went away
    with transaction() as database:
        kiosks.unlock(database, device, by=g.by, at=clock.now())
    browser.let_go()
    return browser.start()


@pages.post("/kiosk/leave")
def leave() -> Shown:
    """The browser is a tablet no more. Who did it stays signed in."""
    device = browser.device()
    if device is None:
        return redirect(url_for("clinic.home"), 303)
    with transaction() as database:
        kiosks.leave(database, device, by=g.by, at=clock.now())
    session.pop(MARK, None)
    session.pop(LANGUAGE, None)
    response = redirect(url_for("clinic.home"), 303)
    browser.drop_credential(response)
    return response


@pages.errorhandler(LinkRefused)
def refused(error: LinkRefused) -> Shown:
    """Too many wrong dates, or the assessment ended meanwhile: the desk knows what to do."""
    browser.let_go()
    html = render_template("kiosk/refused.html", clinic=error.clinic)
    return _calm(html, MESSAGE_STAYS, 403)
