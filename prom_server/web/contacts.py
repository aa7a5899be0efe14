"""How a patient is reached, on one page; and the pages on which reminders, or everything, is stopped."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.contacts import Kind
from prom_server.core.patient_status import AlreadyStopped, Stop
from prom_server.core.refusals import NotFound, Refused
from prom_server.services import contacts, patient_status
from prom_server.transaction import transaction
from prom_server.web import contact_forms as forms
from prom_server.web.forms import Form
from prom_server.web.staff_page import show

pages = Blueprint("contacts", __name__)

NEW = "new"
# What a button beside an address does.
ACTS: dict[str, Callable[..., None]] = {
    "consent": contacts.give_consent,
    "no-consent": contacts.withdraw_consent,
    "try-again": contacts.try_again,
    "remove": contacts.remove,
}
STOPS: dict[Stop, type[Form]] = {
    Stop.REMINDERS: forms.Reminders,
    Stop.WITHDRAWN: forms.Withdraw,
    Stop.DECEASED: forms.Deceased,
}


@pages.get("/patients/<public_id>/contact")
def contact(public_id: str) -> Shown:
    return _page(public_id)


def _page(
    public_id: str,
    status: int = 200,
    *,
    address: tuple[Kind, forms.Address] | None = None,
    calls: forms.Calls | None = None,
) -> Shown:
    """With the form that was refused, as it was typed; the others as things stand."""
    with transaction() as database:
        view = contacts.contact(database, public_id, by=g.by, at=clock.now())
    addresses = {str(kind): forms.address(kind, empty=True) for kind in Kind}
    if address is not None:
        addresses[address[0]] = address[1]
    if calls is None:
        said = next(word for word, may in forms.MAY_LEAVE.items() if may is view.may_leave_message)
        calls = forms.Calls(formdata=None, data={"best_time": view.best_time, "may_leave_message": said})
    return show("clinic/contact.html", status, view=view, addresses=addresses, calls=calls)


@pages.post("/patients/<public_id>/contact")
def change(public_id: str) -> Shown:
    """Of the address of one kind: a new one, or what its buttons do."""
    kind, act = request.form.get("kind", ""), request.form.get("act", "")
    if kind not in set(Kind) or act not in {NEW, *ACTS}:
        raise NotFound("no such act")
    if act == NEW:
        return _set_address(public_id, Kind(kind))
    with transaction() as database:
        ACTS[act](database, public_id, Kind(kind), by=g.by, at=clock.now())
    return _saved(public_id)


def _set_address(public_id: str, kind: Kind) -> Shown:
    form = forms.address(kind)
    if form.validate():
        address, consent = form.address.data, form.consent.data
        try:
            with transaction() as database:
                contacts.set_address(database, public_id, kind, address, consent=consent, by=g.by, at=clock.now())
            return _saved(public_id)
        except Refused as error:
            form.refuse(error, "address")
    return _page(public_id, 422, address=(kind, form))


@pages.post("/patients/<public_id>/calls")
def set_calls(public_id: str) -> Shown:
    form = forms.Calls()
    if not form.validate():
        return _page(public_id, 422, calls=form)
    with transaction() as database:
        contacts.set_calls(database, public_id, form.best_time.data, form.may_leave, by=g.by, at=clock.now())
    return _saved(public_id)


def _saved(public_id: str) -> Shown:
    flash("patient_saved")
    return redirect(url_for(".contact", public_id=public_id), 303)


# ---- What stops


@pages.route("/patients/<public_id>/no-reminders", methods=["GET", "POST"], defaults={"what": Stop.REMINDERS})
@pages.route("/patients/<public_id>/withdraw", methods=["GET", "POST"], defaults={"what": Stop.WITHDRAWN})
@pages.route("/patients/<public_id>/deceased", methods=["GET", "POST"], defaults={"what": Stop.DECEASED})
def stop(public_id: str, what: Stop) -> Shown:
    """Says what will stop; a post stops it."""
    form, at = STOPS[what](), clock.now()
    if form.validate_on_submit():
        try:
            with transaction() as database:
                patient_status.stop(database, public_id, what, **_facts(form), by=g.by, at=at)
            flash(f"stopped_{what}")
            return redirect(url_for("clinic.patient", public_id=public_id), 303)
        except Refused as error:
            form.refuse(error, None if isinstance(error, AlreadyStopped) else next(iter(_facts(form)), None))
    return _stop_page(public_id, what, form, at)


def _stop_page(public_id: str, what: Stop, form: Form, at: datetime) -> Shown:
    with transaction() as database:
        view = patient_status.look(database, public_id, what, by=g.by, at=at)
    return show("clinic/patient_status.html", 422 if form.is_submitted() else 200, view=view, form=form)


def _facts(form: Form) -> dict[str, Any]:
    """What the form says besides yes."""
    return {name: value for name, value in form.data.items() if name != "csrf_token"}


@pages.post("/patients/<public_id>/resume")
def take_back(public_id: str) -> Shown:
    what = request.form.get("what", "")
    if what not in set(Stop):
        raise NotFound("no such state")
    with transaction() as database:
        patient_status.take_back(database, public_id, Stop(what), by=g.by, at=clock.now())
    flash(f"taken_back_{what}")
    return redirect(url_for("clinic.patient", public_id=public_id), 303)
