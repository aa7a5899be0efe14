"""What a tablet shows when something is not to be had there: the cover, or the start. Never an older page."""

from http import HTTPStatus

from flask import Flask, g, jsonify, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from flask_wtf.csrf import CSRFError
from werkzeug import Response

from prom_server.core.kiosks import DeviceLocked, HandoverGone, NotATablet, SetUpOver
from prom_server.services import visits
from prom_server.web import errors, tablets
from prom_server.web.errors import wants_json
from prom_server.web.tablets import HANDOVER

STUCK_FOR = 90  # seconds
VISIT = "visit"  # in the session, and in each form of a patient: the assessment that the browser is open for


def install(app: Flask) -> None:
    app.context_processor(_tablet)
    app.after_request(lead_back)
    app.after_request(keep_covered)
    app.register_error_handler(visits.TabletCovered, covered)
    app.register_error_handler(visits.TabletOver, over)
    app.register_error_handler(HandoverGone, over)
    app.register_error_handler(DeviceLocked, locked)
    app.register_error_handler(NotATablet, no_tablet)
    app.register_error_handler(SetUpOver, no_tablet)
    app.register_error_handler(CSRFError, stale_form)


def _tablet() -> dict[str, object]:
    """For a patient's pages the tablet that shows them, or None; for any page whether it leads back to a start."""
    return {"tablet": g.get("tablet"), "on_tablet": tablets.is_tablet()}


def covered(_error: visits.TabletCovered) -> Shown:
    return _elsewhere(url_for("kiosk.cover"))


def over(_error: visits.TabletOver | HandoverGone) -> Shown:
    tablets.let_go()
    session.pop(HANDOVER, None)
    return {"next": url_for("kiosk.start")} if wants_json() else tablets.start()


def locked(_error: DeviceLocked) -> Shown:
    return redirect(url_for("kiosk.start"), 303)


def no_tablet(error: NotATablet | SetUpOver) -> Shown:
    status = 410 if isinstance(error, SetUpOver) else 401
    return render_template("kiosk/no_tablet.html", event=type(error).__name__), status


def stale_form(_error: CSRFError) -> Shown:
    """On a tablet an old form is somebody else's: it stores nothing, and the start is shown.

    In a browser in which another link was opened meanwhile it is too, and nobody is sent on to the other questions.
    """
    if tablets.is_tablet():
        return _elsewhere(url_for("kiosk.start"))
    here = session.get(VISIT)
    if here is not None and request.form.get(VISIT, here) != here:
        return errors.page("another_visit", 409)
    return errors.page("stale_form", 400)


def keep_covered(response: Response) -> Response:
    """What a covered tablet still sent is stored; whatever would be shown after it is not.

    Where the server itself failed nothing was stored: then the tablet has to know, and sends it again.
    """
    hidden = g.get("covered") and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    return make_response(_elsewhere(url_for("kiosk.cover"))) if hidden else response


def lead_back(response: Response) -> Response:
    """A tablet has no address bar: from an error, or a sign-in that nobody wanted, its start comes back by itself."""
    stuck = response.status_code >= HTTPStatus.BAD_REQUEST or request.endpoint == "auth.sign_in"
    if stuck and response.mimetype == "text/html" and "Refresh" not in response.headers and tablets.is_tablet():
        tablets.refreshing(response, STUCK_FOR)
    return response


def _elsewhere(address: str) -> Response:
    return jsonify({"next": address}) if wants_json() else redirect(address, 303)
