"""Answers to another assessment that stand for this one, or could."""

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.services import satisfying, serving
from prom_server.transaction import transaction
from prom_server.web.staff_page import show

pages = Blueprint("satisfying", __name__)


@pages.get("/assessments/<public_id>/other-answers")
def answers(public_id: str) -> Shown:
    with transaction() as database:
        page = serving.page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/satisfy.html", page=page)


@pages.post("/assessments/<public_id>/other-answers")
def use(public_id: str) -> Shown:
    with transaction() as database:
        satisfying.use(database, public_id, by=g.by, at=clock.now())
    flash("answers_used")
    return redirect(url_for("why.assessment", public_id=public_id), 303)


@pages.post("/assessments/<public_id>/other-answers/undo")
def undo(public_id: str) -> Shown:
    with transaction() as database:
        satisfying.undo(database, public_id, by=g.by, at=clock.now())
    flash("answers_not_used")
    return redirect(url_for("why.assessment", public_id=public_id), 303)
