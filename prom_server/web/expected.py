"""Who is expected today: checked in, or put on the list from a file."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.day_list import ListReplaced, NothingInIt
from prom_server.core.refusals import Refused
from prom_server.services import day_list, expected, handovers
from prom_server.transaction import transaction
from prom_server.web.expected_forms import DayList
from prom_server.web.staff_page import clinic_day, show

pages = Blueprint("expected", __name__)


@pages.get("/expected")
def index() -> Shown:
    form = DayList(formdata=None)
    form.on.data = clinic_day(clock.now())
    return _page(form)


def _page(form: DayList, status: int = 200) -> Shown:
    at = clock.now()
    with transaction() as database:
        view = expected.expected_day(database, by=g.by, at=at)
        tablets = handovers.tablets(database, by=g.by)
    return show("clinic/expected.html", status, view=view, form=form, tablets=tablets)


@pages.post("/patients/<public_id>/check-in")
def check_in(public_id: str) -> Shown:
    with transaction() as database:
        expected.check_in(database, public_id, by=g.by, at=clock.now())
    flash("checked_in")
    return _back()


@pages.post("/patients/<public_id>/check-in/undo")
def undo_check_in(public_id: str) -> Shown:
    with transaction() as database:
        expected.undo_check_in(database, public_id, by=g.by, at=clock.now())
    flash("check_in_undone")
    return _back()


def _back() -> Shown:
    """To the page whose button was pressed."""
    return redirect(url_for("expected.index" if request.form.get("from") == "expected" else "clinic.today"), 303)


# ---- The day list


@pages.post("/expected/day-list")
def upload() -> Shown:
    form = DayList()
    if not form.validate():
        return _page(form, 422)
    data = form.file.data.read()
    try:
        with transaction() as database:
            public_id = day_list.upload(database, data, form.on.data, by=g.by, at=clock.now())
    except Refused as error:
        form.refuse(error, "file")
        return _page(form, 422)
    return redirect(url_for(".preview", public_id=public_id), 303)


@pages.get("/expected/day-list/<public_id>")
def preview(public_id: str) -> Shown:
    try:
        with transaction() as database:
            view = day_list.preview(database, public_id, by=g.by, at=clock.now())
    except ListReplaced:
        return _gone()
    return show("clinic/expected_preview.html", view=view)


@pages.post("/expected/day-list/<public_id>")
def apply(public_id: str) -> Shown:
    """A second press finds it done."""
    try:
        with transaction() as database:
            day_list.apply(database, public_id, by=g.by, at=clock.now())
    except (ListReplaced, NothingInIt):
        return _gone()
    flash("day_list_applied")
    return redirect(url_for(".index"), 303)


def _gone() -> Shown:
    flash("day_list_gone")
    return redirect(url_for(".index"), 303)


@pages.post("/expected/day-list/<public_id>/discard")
def discard(public_id: str) -> Shown:
    with transaction() as database:
        day_list.discard(database, public_id, by=g.by, at=clock.now())
    flash("day_list_discarded")
    return redirect(url_for(".index"), 303)
