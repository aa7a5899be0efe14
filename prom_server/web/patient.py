"""The patient's pages: the link, the questions, the review, the help page, the thanks."""

from datetime import date, timedelta

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug import Response

from prom_server import clock
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.visit import Place
from prom_server.services import answering, visit_pages, visits
from prom_server.services.answering import Posted, Saved
from prom_server.transaction import reading, transaction
from prom_server.web.errors import wants_json

pages = Blueprint("patient", __name__)

MOST_PARTS = 99
LONGEST_DELAY = 24 * 3600  # seconds between an answer on the device and its arrival


@pages.get("/a/<token>")
def link(token: str) -> Shown:
    """A page with a button. Scanners and previews may fetch it as often as they like."""
    with reading() as database:
        view = visits.look_at_link(database, token, at=clock.now())
    action = url_for(".identify", token=token)
    return render_template("patient/link.html", view=view, action=action, typed={}, error=None)


@pages.post("/a/<token>")
def identify(token: str) -> Shown:
    """The birth date opens the assessment; the token is swapped for a session, the address for a clean one."""
    typed = _typed_date()
    with reading() as database:
        view = visits.look_at_link(database, token, at=clock.now())
    form = {"view": view, "action": url_for(".identify", token=token), "typed": request.form}
    if typed is None:
        return render_template("patient/link.html", error="not_a_date", **form), 422
    with transaction() as database:
        visits.count_attempt(database, token, at=clock.now())
    with transaction() as database:
        attempt = visits.identify(database, token, typed, at=clock.now())
    if attempt.token is None:
        return render_template("patient/link.html", error="wrong_date", left=attempt.left, **form), 422
    return _open(attempt.token)


@pages.route("/resume", methods=["GET", "POST"])
def resume() -> Shown:
    """After a pause the birth date is asked again; an answer that was on its way is kept and stored then."""
    token = session.get("patient")
    if token is None:
        return render_template("error/no_session.html"), 401
    with reading() as database:
        view = visits.look_at_session(database, token, at=clock.now())
    form = {"view": view, "action": url_for(".resume"), "typed": request.form, "carried": _carried()}
    if request.method == "GET":
        return render_template("patient/resume.html", error=None, **form)
    typed = _typed_date()
    if typed is None:
        return render_template("patient/resume.html", error="not_a_date", **form), 422
    with transaction() as database:
        visits.count_resumption(database, token, at=clock.now())
    with transaction() as database:
        attempt = visits.resume(database, token, typed, at=clock.now())
    if attempt.token is None:
        return render_template("patient/resume.html", error="wrong_date", left=attempt.left, **form), 422
    opened = _open(attempt.token)
    return _save_carried(attempt.token) or opened


@pages.get("/answer")
def welcome() -> Shown:
    with reading() as database:
        view = visit_pages.welcome(database, session["patient"], at=clock.now())
    if view.place.finished:
        return redirect(url_for(".thanks"), 303)
    return render_template("patient/welcome.html", view=view)


@pages.post("/answer")
def start() -> Shown:
    with transaction() as database:
        place = answering.start(database, session["patient"], at=clock.now())
    return redirect(_address(place), 303)


@pages.get("/answer/go-on")
def go_on() -> Shown:
    """Where to go on in the battery: an address that never goes stale."""
    with reading() as database:
        place = visit_pages.where(database, session["patient"], at=clock.now())
    return redirect(_address(place), 303)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>")
def step(part: int, number: int) -> Shown:
    with reading() as database:
        view = visit_pages.step(database, session["patient"], part, number, at=clock.now())
    return render_template("patient/step.html", view=view, error=None)


@pages.post("/answer/<int(max=99):part>/<int(max=999):number>")
def answer(part: int, number: int) -> Shown:
    """Stores one answer and goes on. For our script: the sequence and the next address."""
    if request.form.get("go") == "skip":
        return redirect(url_for(".skip", part=part, number=number), 303)
    if "value" not in request.form and request.form.get("go") != "skip-confirmed":
        with reading() as database:
            view = visit_pages.step(database, session["patient"], part, number, at=clock.now())
        return render_template("patient/step.html", view=view, error="nothing_chosen"), 422
    with transaction() as database:
        saved = answering.save(database, session["patient"], part, _posted(request.form), at=clock.now())
    return _after_save(saved, part, number)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>/skip")
def skip(part: int, number: int) -> Shown:
    """Asks once whether to skip."""
    with reading() as database:
        view = visit_pages.step(database, session["patient"], part, number, at=clock.now())
    return render_template("patient/skip.html", view=view)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>/help")
def help_page(part: int, number: int) -> Shown:
    with reading() as database:
        view = visit_pages.help_view(database, session["patient"], part, number, at=clock.now())
    return render_template("patient/help.html", view=view)


@pages.post("/answer/<int(max=99):part>/<int(max=999):number>/help")
def call_me(part: int, number: int) -> Shown:
    with transaction() as database:
        answering.call_me(database, session["patient"], part, number, at=clock.now())
    return redirect(url_for(".help_page", part=part, number=number), 303)


@pages.get("/answer/<int(max=99):part>/review")
def review(part: int) -> Shown:
    with reading() as database:
        view = visit_pages.review(database, session["patient"], part, at=clock.now())
    if view.submitted:
        return redirect(url_for(".go_on"), 303)
    return render_template("patient/review.html", view=view)


@pages.post("/answer/<int(max=99):part>/review")
def submit(part: int) -> Shown:
    with transaction() as database:
        place = answering.submit(database, session["patient"], part, at=clock.now())
    return redirect(_address(place), 303)


@pages.get("/answer/thanks")
def thanks() -> Shown:
    with reading() as database:
        place = visit_pages.where(database, session["patient"], at=clock.now())
        view = visit_pages.thanks(database, session["patient"], at=clock.now())
    if not place.finished:
        return redirect(_address(place), 303)
    return render_template("patient/thanks.html", view=view)


@pages.post("/answer/leave")
def leave() -> Shown:
    """Ends the session on this device. Answers are kept."""
    with transaction() as database:
        visits.end(database, session["patient"], at=clock.now())
    session.clear()
    return render_template("patient/left.html")


@pages.app_errorhandler(visits.SessionOver)
def session_over(_error: visits.SessionOver) -> Shown:
    """The page asks for the birth date and carries what was posted, so that nothing is lost."""
    if wants_json():
        return {"error": "session_over"}, 401
    token = session.get("patient")
    if token is None:
        return render_template("error/no_session.html"), 401
    with reading() as database:
        view = visits.look_at_session(database, token, at=clock.now())
    facts = {"view": view, "action": url_for("patient.resume"), "typed": {}, "carried": _carried()}
    return render_template("patient/resume.html", error=None, **facts), 401


@pages.app_errorhandler(visits.LinkRefused)
def link_refused(error: visits.LinkRefused) -> Shown:
    status = {visits.LinkNotOpen: 403, visits.LinkLocked: 403}.get(type(error), 410)
    return render_template("patient/link_refused.html", event=type(error).__name__, error=error), status


@pages.app_errorhandler(answering.NewerAnswer)
def newer_answer(error: answering.NewerAnswer) -> Shown:
    if wants_json():
        return {"error": "newer_answer"}, 409
    return render_template("patient/conflict.html", view=error.view, offered=error.offered), 409


@pages.app_errorhandler(InvalidAnswer)
def invalid_answer(_error: InvalidAnswer) -> Shown:
    if wants_json():
        return {"error": "invalid_answer"}, 422
    return render_template("error/invalid_answer.html"), 422


def _open(token: str) -> Response:
    session.clear()  # nothing of an earlier person, staff included, stays in this browser
    session["patient"] = token
    return redirect(url_for("patient.welcome"), 303)


def _typed_date() -> date | None:
    try:
        year, month, day = (_whole(request.form.get(part, "").strip()) for part in ("year", "month", "day"))
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None


def _posted(form: dict[str, str]) -> Posted:
    """Whole numbers only: nothing is coerced, a wrong one is refused and nothing stored."""
    try:
        value = None if form.get("go") == "skip-confirmed" else _whole(form["value"])
        delay = timedelta(seconds=min(_whole(form.get("delay", "0")), LONGEST_DELAY))
        return Posted(form["item"], value, _whole(form["sequence"]), delay)
    except (KeyError, ValueError) as error:
        raise InvalidAnswer("not an answer") from error


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError("not a whole number")
    return int(text)


def _after_save(saved: Saved, part: int, number: int) -> Shown:
    help_page = url_for(".help_page", part=part, number=number) if saved.help else None
    following = help_page or _address(saved.place)
    if wants_json():
        return {"next": following, "sequence": saved.sequence}
    return redirect(following, 303)


def _carried() -> dict[str, str]:
    """The answer that was on its way when the session had ended, and where it belongs."""
    kept = {name: request.form[name] for name in ("item", "value", "sequence", "go") if name in request.form}
    if not kept:
        return {}
    part = (request.view_args or {}).get("part", request.form.get("part", ""))
    return kept | {"part": str(part)}


def _save_carried(token: str) -> Response | None:
    carried = _carried()
    if "part" not in carried or carried.get("go") == "skip":
        return None
    try:
        part = min(_whole(carried["part"]), MOST_PARTS)
    except ValueError:
        return None
    with transaction() as database:
        saved = answering.save(database, token, part, _posted(carried), at=clock.now())
    if saved.help:
        return redirect(url_for(".help_page", part=part, number=saved.number), 303)
    return redirect(_address(saved.place), 303)


def _address(place: Place) -> str:
    if place.finished:
        return url_for("patient.thanks")
    if place.part == 0:
        return url_for("patient.welcome")
    if place.step == 0:
        return url_for("patient.review", part=place.part)
    return url_for("patient.step", part=place.part, number=place.step)
