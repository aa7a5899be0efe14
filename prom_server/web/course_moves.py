"""The planned first day of a course moved, or the course cancelled: said first, then done."""

from datetime import date

from flask import Blueprint, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.moving import NotLookedAt
from prom_server.core.refusals import Refused
from prom_server.services import moving
from prom_server.transaction import transaction
from prom_server.web.course_move_forms import Agreed, CancelCourse, MoveCourse
from prom_server.web.staff_page import show

pages = Blueprint("course_moves", __name__)


@pages.route("/courses/<public_id>/move", methods=["GET", "POST"])
def move(public_id: str) -> Shown:
    """The first post shows what another day would move; the second agrees to that and does it."""
    form = MoveCourse()
    if not form.is_submitted():
        return _move_page(public_id, form)
    if not form.validate():
        return _move_page(public_id, form, status=422)
    starts_on: date = form.starts_on.data
    try:
        if not form.seen.data:
            return _move_page(public_id, form, starts_on)
        with transaction() as database:
            moving.move(database, public_id, starts_on, form.seen.data, by=g.by, at=clock.now())
    except NotLookedAt as error:
        return _move_page(public_id, form, starts_on, status=409, changed=error)
    except Refused as error:
        form.refuse(error, "starts_on")
        return _move_page(public_id, form, status=422)
    flash("course_moved")
    return redirect(url_for("courses.course", public_id=public_id), 303)


def _move_page(
    public_id: str,
    form: MoveCourse,
    starts_on: date | None = None,
    *,
    status: int = 200,
    changed: NotLookedAt | None = None,
) -> Shown:
    with transaction() as database:
        page = moving.move_page(database, public_id, starts_on, by=g.by, at=clock.now())
    return show("clinic/course_move.html", status, page=page, form=form, cancelling=False, changed=changed)


@pages.route("/courses/<public_id>/cancel", methods=["GET", "POST"])
def cancel(public_id: str) -> Shown:
    form = CancelCourse()
    if not form.is_submitted():
        return _cancel_page(public_id, form)
    if not form.validate():
        return _cancel_page(public_id, form, status=422)
    try:
        with transaction() as database:
            moving.cancel(database, public_id, form.note.data, form.seen.data or "", by=g.by, at=clock.now())
    except NotLookedAt as error:
        return _cancel_page(public_id, form, status=409, changed=error)
    flash("course_cancelled")
    return redirect(url_for("courses.course", public_id=public_id), 303)


def _cancel_page(public_id: str, form: CancelCourse, *, status: int = 200, changed: NotLookedAt | None = None) -> Shown:
    with transaction() as database:
        page = moving.cancel_page(database, public_id, by=g.by, at=clock.now())
    return show("clinic/course_move.html", status, page=page, form=form, cancelling=True, changed=changed)


@pages.route("/infusions/<public_id>/in-error", methods=["GET", "POST"])
def infusion_in_error(public_id: str) -> Shown:
    """What it would move is said first; the button agrees to that."""
    form = Agreed()
    if not form.is_submitted():
        return _error_page(public_id)
    try:
        with transaction() as database:
            course_id = moving.mark_in_error(database, public_id, form.seen.data or "", by=g.by, at=clock.now())
    except NotLookedAt as error:
        return _error_page(public_id, status=409, changed=error)
    flash("infusion_in_error")
    return redirect(url_for("courses.course", public_id=course_id), 303)


def _error_page(public_id: str, *, status: int = 200, changed: NotLookedAt | None = None) -> Shown:
    with transaction() as database:
        page = moving.look_at_error(database, public_id, by=g.by, at=clock.now())
    return show("clinic/infusion_in_error.html", status, page=page, infusion_id=public_id, changed=changed)
