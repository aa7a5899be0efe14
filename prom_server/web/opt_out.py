"""Reminders, stopped or asked for again by the patient's own link."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.services import links, opting_out
from prom_server.transaction import reading, transaction
from prom_server.web.visit_entry import typed_date

pages = Blueprint("opt_out", __name__)


@pages.get("/a/<token>/reminders")
def reminders(token: str) -> Shown:
    return _show(token, typed={}, error=None)


@pages.post("/a/<token>/reminders")
def choose(token: str) -> Shown:
    """The birth date with the button that was pressed. What was chosen before is shown to nobody."""
    born, wanted = typed_date(), request.form.get("reminders") == "on"
    if born is None:
        return _show(token, 422, typed=request.form, error="not_a_date")
    with transaction() as database:
        opting_out.count_attempt(database, token, at=clock.now())
    with transaction() as database:
        left = opting_out.choose(database, token, born, reminders=wanted, at=clock.now())
    if left is not None:
        return _show(token, 422, typed=request.form, error="wrong_date", left=left)
    return _show(token, typed={}, error=None, chosen="on" if wanted else "off")


def _show(token: str, status: int = 200, **facts: object) -> Shown:
    with reading() as database:
        view = links.look_at_any(database, token)
    return render_template("patient/reminders.html", view=view, token=token, **facts), status
