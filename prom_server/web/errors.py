"""One map from refusals to pages. Errors say what happened, what is safe and what to do."""

from flask import Flask, current_app, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue as Shown
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from prom_server.core.enrolment import MergedInto
from prom_server.core.refusals import NotAllowed, NotFound, Refused
from prom_server.transaction import DatabaseUnavailable
from prom_server.web.journal import log

KEPT_OUT = {"password", "again"}  # never repeated in a page


def install(app: Flask) -> None:
    app.register_error_handler(DatabaseUnavailable, unavailable)
    app.register_error_handler(MergedInto, merged)
    app.register_error_handler(NotFound, lambda _error: page("not_found", 404))
    app.register_error_handler(NotAllowed, lambda _error: page("not_allowed", 403))
    app.register_error_handler(Refused, refused)
    app.register_error_handler(CSRFError, lambda _error: page("stale_form", 400))
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unexpected)


def wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def page(name: str, status: int, **facts: object) -> Shown:
    """The error page `templates/error/<name>.html`; for our own script only its name."""
    if wants_json():
        return {"error": name}, status
    return render_template(f"error/{name}.html", **facts), status


def merged(error: MergedInto) -> Shown:
    """A page of a record that became part of another one leads to the one that is kept; a form changes neither."""
    if request.method != "GET" or wants_json():
        return page("refused", 409, event=type(error).__name__)
    return redirect(url_for("clinic.patient", public_id=error.kept), 303)


def refused(error: Refused) -> Shown:
    return page("refused", 409, event=type(error).__name__)


def http(error: HTTPException) -> Shown:
    if isinstance(error, SecurityError):  # a host that is not ours: there is no address to build a page with
        return "This server does not answer for that host.\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
    known = {404: "not_found", 405: "not_found", 413: "too_large"}
    status = error.code or 500
    response = make_response(page(known.get(status, "bad_request"), status))
    if status == 405:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return response


def unavailable(_error: DatabaseUnavailable) -> Shown:
    """Nothing was stored; what was posted comes back in a form with "Try again". Needs no database."""
    log.warning("database unavailable", extra={"fields": {"request_id": g.get("request_id")}})
    carried = [(name, value) for name, value in request.form.items(multi=True) if name not in KEPT_OUT]
    return page("unavailable", 503, carried=carried, again=request.path, post=request.method == "POST")


def unexpected(error: Exception) -> Shown:
    if current_app.testing:
        raise error
    log.exception("unexpected", extra={"fields": {"request_id": g.get("request_id")}})
    return page("unexpected", 500)
