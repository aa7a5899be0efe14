"""What was given in one administration, item by item; and a part that was sent short is asked again."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.entry import RelationNeeded
from prom_server.services import given, reopening
from prom_server.transaction import transaction
from prom_server.web.entry import WhoForm
from prom_server.web.staff_page import show

pages = Blueprint("given", __name__)


@pages.get("/answers/<public_id>")
def answers(public_id: str) -> Shown:
    with transaction() as database:
        view = given.given(database, public_id, by=g.by, at=clock.now())
    form = WhoForm(obj=view.line)
    return show("clinic/given.html", view=view, form=form)


@pages.post("/answers/<public_id>/who")
def who(public_id: str) -> Shown:
    """Who answered and who helped, as staff say it."""
    form = WhoForm()
    if form.validate_on_submit():
        try:
            with transaction() as database:
                given.say_who(database, public_id, form.who(), by=g.by, at=clock.now())
            flash("who_saved")
            return redirect(url_for(".answers", public_id=public_id), 303)
        except RelationNeeded as error:
            form.refuse(error, "relation")
    with transaction() as database:
        view = given.given(database, public_id, by=g.by, at=clock.now())
    return show("clinic/given.html", 422, view=view, form=form)


@pages.post("/answers/<public_id>/ask-again")
def ask_again(public_id: str) -> Shown:
    """Takes a part up again that was sent an item or two short."""
    with transaction() as database:
        assessment = reopening.ask_again(database, public_id, by=g.by, at=clock.now())
    if assessment is not None:
        flash("asked_again_to_enter")
        return redirect(url_for("entry.choose", public_id=assessment), 303)
    flash("asked_again")
    return redirect(url_for("clinic.today"), 303)
