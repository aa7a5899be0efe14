"""The private link of an assessment, sent to the patient by e-mail or as a text message."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.invitations import AssessmentOver, NotReachable
from prom_server.services import invitations
from prom_server.transaction import transaction
from prom_server.web.posting import whole
from prom_server.web.staff_page import show

pages = Blueprint("link_messages", __name__)


@pages.post("/assessments/<public_id>/link/send")
def send(public_id: str) -> Shown:
    """The form carries how often it was sent when the page was made, so that a double click sends one."""
    try:
        with transaction() as database:
            queued = invitations.send(database, public_id, *_pressed(), by=g.by, at=clock.now())
    except (AssessmentOver, NotReachable) as error:
        with transaction() as database:
            page = invitations.link_page(database, public_id, by=g.by, at=clock.now())
        return show("clinic/link.html", 409, page=page, url=None, qr=None, error=type(error).__name__)
    flash("link_queued" if queued else "link_not_queued")
    return redirect(url_for("courses.link", public_id=public_id), 303)


def _pressed() -> tuple[str, int]:
    """Channel and number. What is no number was never on a page of ours: it sends nothing."""
    try:
        return request.form.get("channel", ""), whole(request.form.get("sent", ""))
    except ValueError:
        return request.form.get("channel", ""), -1
