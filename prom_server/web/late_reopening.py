"""An assessment that closed is opened again, until a day and with a reason."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.late import ImplausibleUntil
from prom_server.services import late_reopening
from prom_server.transaction import transaction
from prom_server.web.late_reopening_forms import Reopen
from prom_server.web.staff_page import show

pages = Blueprint("late_reopening", __name__)


@pages.get("/assessments/<public_id>/reopen")
def ask(public_id: str) -> Shown:
    with transaction() as database:
        page = late_reopening.page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/reopen.html", page=page, form=Reopen(formdata=None, data={"until": page.until}))


@pages.post("/assessments/<public_id>/reopen")
def reopen(public_id: str) -> Shown:
    form = Reopen()
    if form.validate():
        try:
            with transaction() as database:
                late_reopening.reopen(database, public_id, form.until.data, form.reason.data, by=g.by, at=clock.now())
            flash("assessment_reopened")
            return redirect(url_for("why.assessment", public_id=public_id), 303)
        except ImplausibleUntil as error:
            form.refuse(error, "until")
    with transaction() as database:
        page = late_reopening.page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/reopen.html", 422, page=page, form=form)
