"""The desk puts an assessment into the patient's hands: on a tablet, by a code, or on the device it is using."""

from flask import Blueprint, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.kiosks import NotAnswerable, PatientLocked
from prom_server.core.refusals import NotFound
from prom_server.services import handovers
from prom_server.transaction import transaction
from prom_server.web import tablets
from prom_server.web.staff_page import show
from prom_server.web.tablets import HANDOVER, MARK

pages = Blueprint("handovers", __name__)

REFUSED = (NotAnswerable, PatientLocked)


@pages.get("/assessments/<public_id>/hand-over")
def choose(public_id: str) -> Shown:
    return _page(public_id)


def _page(public_id: str, status: int = 200, error: str | None = None) -> Shown:
    with transaction() as database:
        page = handovers.page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/hand_over.html", status, page=page, error=error, issued=None)


@pages.post("/assessments/<public_id>/hand-over")
def start_on(public_id: str) -> Shown:
    """Then the page says that the tablet is ready, and for how long."""
    try:
        with transaction() as database:
            handovers.start_on(database, public_id, request.form.get("device", ""), by=g.by, at=clock.now())
    except REFUSED as error:
        return _page(public_id, 409, type(error).__name__)
    except NotFound:
        with transaction() as database:  # the assessment itself may be another clinic's
            handovers.page(database, public_id, by=g.by, at=clock.now())
        return _page(public_id, 409, "TabletGone")
    flash("tablet_ready")
    return redirect(url_for(".choose", public_id=public_id), 303)


@pages.post("/assessments/<public_id>/code")
def make_code(public_id: str) -> Shown:
    """Shows the code once, so this page is the answer to the post: it is kept nowhere to redirect to."""
    try:
        with transaction() as database:
            issued = handovers.make_code(database, public_id, by=g.by, at=clock.now())
    except REFUSED as error:
        return _page(public_id, 409, type(error).__name__)
    return show("clinic/hand_over.html", page=issued.page, error=None, issued=issued)


@pages.post("/assessments/<public_id>/take-back")
def take_back(public_id: str) -> Shown:
    """The wrong patient, or the patient went away."""
    with transaction() as database:
        handovers.take_back(database, public_id, by=g.by, at=clock.now())
    flash("taken_back")
    return redirect(url_for(".choose", public_id=public_id), 303)


@pages.post("/assessments/<public_id>/hand-over-here")
def start_here(public_id: str) -> Shown:
    """The staff session ends first; from then on this browser asks for the patient's birth date."""
    try:
        with transaction() as database:
            handover = handovers.start_here(database, public_id, by=g.by, at=clock.now())
    except REFUSED as error:
        return _page(public_id, 409, type(error).__name__)
    tablets.let_go()
    session[MARK], session[HANDOVER] = "own", handover
    return tablets.start()
