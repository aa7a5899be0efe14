"""The way in: a private link, the date of birth, and the date of birth again after a pause."""

from datetime import date

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug import Response

from prom_server import clock
from prom_server.core.refusals import NotFound
from prom_server.services import answering, visits
from prom_server.transaction import DatabaseUnavailable, reading, transaction
from prom_server.web import preferences
from prom_server.web.errors import wants_json
from prom_server.web.journal import log
from prom_server.web.patient import address
from prom_server.web.posting import posted, whole
from prom_server.web.tablet_refusals import VISIT

pages = Blueprint("visit_entry", __name__)

MOST_PARTS = 99


@pages.get("/a/<token>")
def link(token: str) -> Shown:
    """A page with a button. Scanners and previews may fetch it as often as they like."""
    with reading() as database:
        view = visits.look_at_link(database, token, at=clock.now())
    if view.first_look and _is_looked_at():
        _mark_opened(token)
    action = url_for(".identify", token=token)
    return render_template("patient/link.html", view=view, action=action, token=token, typed={}, error=None)


def _is_looked_at() -> bool:
    """Not asked for in advance, nor only for its headers. (Sec-Purpose, and what browsers sent before it: MDN.)"""
    told = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return request.method == "GET" and not any("prefetch" in each.lower() for each in told)


def _mark_opened(token: str) -> None:
    """Once for each link. The page is shown all the same where this cannot be written down."""
    try:
        with transaction() as database:
            visits.mark_opened(database, token, at=clock.now())
    except DatabaseUnavailable:
        log.warning("a first look was not written down")


@pages.post("/a/<token>")
def identify(token: str) -> Shown:
    """The birth date opens the assessment; the token is swapped for a session, the address for a clean one."""
    typed = typed_date()
    with reading() as database:
        view = visits.look_at_link(database, token, at=clock.now())
    form = {"view": view, "action": url_for(".identify", token=token), "token": token, "typed": request.form}
    if typed is None:
        return render_template("patient/link.html", error="not_a_date", **form), 422
    with transaction() as database:
        visits.count_attempt(database, token, at=clock.now())
    with transaction() as database:
        attempt = visits.identify(database, token, typed, at=clock.now())
    if attempt.token is None:
        return render_template("patient/link.html", error="wrong_date", left=attempt.left, **form), 422
    return _open(attempt.token, attempt.assessment)


@pages.route("/resume", methods=["GET", "POST"])
def resume() -> Shown:
    """After a pause the birth date is asked again; an answer that was on its way is kept and stored then."""
    token = session.get("patient")
    view = _resumable(token)
    if token is None or view is None:
        return _no_session()
    form = {"view": view, "action": url_for(".resume"), "typed": request.form, "carried": _carried()}
    if request.method == "GET":
        return render_template("patient/resume.html", error=None, **form)
    typed = typed_date()
    if typed is None:
        return render_template("patient/resume.html", error="not_a_date", **form), 422
    with transaction() as database:
        visits.count_resumption(database, token, at=clock.now())
    with transaction() as database:
        attempt = visits.resume(database, token, typed, at=clock.now())
    if attempt.token is None:
        return render_template("patient/resume.html", error="wrong_date", left=attempt.left, **form), 422
    opened = _open(attempt.token, attempt.assessment)
    return _save_carried(attempt.token) or opened


@pages.app_errorhandler(visits.SessionOver)
def session_over(_error: visits.SessionOver) -> Shown:
    """The page asks for the birth date and carries what was posted, so that nothing is lost."""
    if wants_json():
        return {"error": "session_over"}, 401
    view = _resumable(session.get("patient"))
    if view is None:
        return _no_session()
    facts = {"view": view, "action": url_for("visit_entry.resume"), "typed": {}, "carried": _carried()}
    return render_template("patient/resume.html", error=None, **facts), 401


def _resumable(token: str | None) -> visits.LinkView | None:
    """None where the birth date alone opens nothing any more: the session is of yesterday, or was left."""
    try:
        with reading() as database:
            return visits.look_at_session(database, token, at=clock.now()) if token is not None else None
    except NotFound:
        return None


def _no_session() -> Shown:
    return render_template("error/no_session.html", unsaved=bool(_carried())), 401


@pages.app_errorhandler(visits.LinkUnknown)
def link_unknown(_error: visits.LinkUnknown) -> Shown:
    return render_template("patient/link_unknown.html"), 404


@pages.app_errorhandler(visits.LinkRefused)
def link_refused(error: visits.LinkRefused) -> Shown:
    status = {visits.LinkNotOpen: 403, visits.LinkLocked: 403}.get(type(error), 410)
    facts = {"event": type(error).__name__, "error": error, "token": (request.view_args or {}).get("token")}
    return render_template("patient/link_refused.html", **facts), status


def _open(token: str, assessment: str | None) -> Response:
    chosen = preferences.chosen()
    session.clear()  # nothing of an earlier person, staff included, stays here: no form of theirs is taken any more
    session["patient"], session[VISIT] = token, assessment
    preferences.follow(token, chosen)
    return redirect(url_for("patient.welcome"), 303)


def typed_date() -> date | None:
    try:
        year, month, day = (whole(request.form.get(part, "").strip()) for part in ("year", "month", "day"))
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None


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
        part = min(whole(carried["part"]), MOST_PARTS)
    except ValueError:
        return None
    with transaction() as database:
        saved = answering.save(database, token, part, posted(carried), at=clock.now())
    if saved.help:
        return redirect(url_for("patient.help_page", part=part, number=saved.number), 303)
    return redirect(address(saved.place), 303)
