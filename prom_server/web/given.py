"""What was given in one administration, item by item; and a part that was sent short is asked again."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.services import given, reopening
from prom_server.transaction import transaction
from prom_server.web.staff_page import show

pages = Blueprint("given", __name__)


@pages.get("/answers/<public_id>")
def answers(public_id: str) -> Shown:
    with transaction() as database:
        view = given.given(database, public_id, by=g.by, at=clock.now())
    return show("clinic/given.html", view=view)


@pages.post("/answers/<public_id>/ask-again")
def ask_again(public_id: str) -> Shown:
    """Takes a part up again that was sent an item or two short."""
    with transaction() as database:
        reopening.ask_again(database, public_id, by=g.by, at=clock.now())
    flash("asked_again")
    return redirect(url_for("clinic.today"), 303)
