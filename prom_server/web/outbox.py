"""The outbox: messages to patients and staff, what became of each, and what staff make of one in trouble."""

from flask import Blueprint, Flask, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.messages import AlreadySettled, CannotReach, Settlement
from prom_server.core.refusals import NotFound
from prom_server.services import outbox, settling
from prom_server.transaction import transaction
from prom_server.web.installation import silence
from prom_server.web.staff_page import show

pages = Blueprint("outbox", __name__)


def install(app: Flask) -> None:
    """Every staff page says so where messages do not leave the house."""
    app.jinja_env.globals.update(silence=silence)


@pages.get("/outbox")
def index() -> Shown:
    with transaction() as database:
        view = outbox.page(database, before=request.args.get("before"), by=g.by, at=clock.now())
    return show("clinic/outbox.html", view=view, later="before" in request.args)


@pages.get("/outbox/<public_id>")
def message(public_id: str) -> Shown:
    return _page(public_id)


def _page(public_id: str, refused: str | None = None, status: int = 200) -> Shown:
    with transaction() as database:
        view = outbox.message(database, public_id, by=g.by, at=clock.now())
    return show("clinic/message.html", status, view=view, refused=refused)


@pages.post("/outbox/<public_id>/settle")
def settle(public_id: str) -> Shown:
    how = request.form.get("how", "")
    if how not in set(Settlement):
        raise NotFound("no such settlement")
    try:
        with transaction() as database:
            settling.settle(database, public_id, Settlement(how), by=g.by, at=clock.now())
    except AlreadySettled:
        return _page(public_id, "settled", 409)
    except CannotReach as refusal:
        return _page(public_id, str(refusal), 409)
    flash(f"message_{how}")
    return redirect(url_for(".message", public_id=public_id), 303)
