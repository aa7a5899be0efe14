"""What a tablet's browser holds: the clinic's credential in its own cookie, and while a patient answers their session.

The session says by `MARK` that the browser is in a patient's hands: "kiosk" on a tablet of the clinic, "own" on a
device that a member of the staff handed over. The mark outlives the patient's session and names nobody.
"""

from datetime import timedelta

from flask import current_app, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug import Response

from prom_server import clock
from prom_server.core.kiosks import Device, NotATablet, Presence
from prom_server.services import accounts, kiosks, tablets, visits
from prom_server.services.tablet_entry import Where
from prom_server.transaction import reading, transaction
from prom_server.web import circumstances

MARK = "tablet"  # in the session: this browser is in a patient's hands
HANDOVER = "handover"  # in the session: what was handed over on a device of the staff's own
LARGE = "large"  # in the session: the screen takes several items at once
LANGUAGE = "device_language"  # in the session: of the tablet
SERVES = timedelta(days=400)
ANSWERS = {"patient.answer", "screens.answer"}  # what was on its way is taken from a covered tablet too
# Not "cookies": the tablet's own credential stays. The patient's session is replaced by name, with each response.
NOTHING_REMAINS = {"Clear-Site-Data": '"cache", "storage"'}


def cookie_name() -> str:
    return "__Host-prom-kiosk" if current_app.config["SESSION_COOKIE_SECURE"] else "prom-kiosk"


def set_credential(response: Response, credential: str) -> None:
    response.set_cookie(
        cookie_name(),
        credential,
        max_age=SERVES,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Strict",
    )


def drop_credential(response: Response) -> None:
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    response.delete_cookie(cookie_name(), secure=secure, httponly=True, samesite="Strict")


def device() -> Device | None:
    """The tablet that this browser is, if it is one."""
    credential = request.cookies.get(cookie_name())
    if not credential:
        return None
    at = clock.now()
    with reading() as database:
        found = kiosks.of_credential(database, credential, at=at)
    if found is not None and found.stale:
        with transaction() as database:
            kiosks.touch(database, found, at=at)
    return found


def check_device() -> Response | None:
    """For the kiosk's own pages: `g.where` says what may be handed over here. Raises NotATablet."""
    g.device = device()
    if g.device is None and session.get(MARK) != "own":
        raise NotATablet("no credential")
    g.where = Where(g.device, session.get(HANDOVER))
    if g.device is not None and session.get(LANGUAGE) != g.device.language:
        session[LANGUAGE] = g.device.language
        g.pop("language", None)  # it was settled before the tablet was known
    return None


def check_own_device() -> Response | None:
    """For private links. Opened on a tablet, one would leave its page there for the next person."""
    tablet = session.get(MARK) == "own" or device() is not None
    return redirect(url_for("kiosk.start"), 303) if tablet else None


def is_tablet() -> bool:
    """Whether this browser is, or was, in patients' hands. Asks no database."""
    return MARK in session or cookie_name() in request.cookies


def check_patient() -> Response | None:
    """For a patient's pages. On a tablet: somebody is here, or the page is covered, or it is over."""
    token, mark = session.get("patient"), session.get(MARK)
    if mark is None and token is not None:
        return None  # the patient's own device
    if token is None:
        return redirect(url_for("kiosk.start" if is_tablet() else "visit_entry.resume"), 303)
    at = clock.now()
    answer = request.method == "POST" and request.endpoint in ANSWERS
    given_at = at - circumstances.delay(request.form) if answer else None
    with reading() as database:
        now = tablets.attendance(database, token, at=at, given_at=given_at)
    g.covered = now.presence is Presence.COVERED
    if g.covered and not answer:
        raise visits.TabletCovered("covered")
    if now.stale:
        with transaction() as database:
            tablets.touch(database, token, now, at=at)
    g.tablet = now
    return None


def let_go() -> None:
    """Ends what is open in this browser, a staff session too. Only what names nobody stays."""
    kept = {name: session[name] for name in (MARK, LANGUAGE) if name in session}
    end_patient()
    end_staff()
    session.clear()
    session.update(kept)
    g.pop("csrf_token", None)  # and a new token against forgery: the form library keeps the old one for the request


def end_patient() -> None:
    """Ends the visit that was open in this browser: a copy of its cookie opens nothing any more."""
    token = session.get("patient")
    if token is not None:
        with transaction() as database:
            visits.end(database, token, at=clock.now())


def end_staff() -> None:
    """Signs out whoever of the staff used this browser before."""
    token, at = session.get("staff"), clock.now()
    if token is None:
        return
    with transaction() as database:
        signed_in = accounts.of_session(database, token, at=at)
        if signed_in is not None:
            accounts.sign_out(database, token, by=signed_in.by, at=at)
    session.pop("staff", None)


def start() -> Response:
    """To where the next patient begins, with nothing left of the one before."""
    response = redirect(url_for("kiosk.start"), 303)
    response.headers.update(NOTHING_REMAINS)
    return response


def last_page(html: str) -> Shown:
    """The end of a visit. On a tablet the session is over with it, and the start comes by itself."""
    now = g.get("tablet")
    if now is None:
        return html
    let_go()
    response = make_response(html)
    response.headers.update(NOTHING_REMAINS)
    return refreshing(response, now.times.thanks_for)


def refreshing(response: Response, seconds: int, endpoint: str = "kiosk.start") -> Response:
    """Goes on by itself, without a script."""
    response.headers["Refresh"] = f"{seconds}; url={url_for(endpoint)}"
    return response
