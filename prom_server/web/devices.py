"""Settings: the clinic's tablets."""

import segno
from flask import Blueprint, current_app, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.kiosks import (
    COVER_AFTER,
    END_AFTER,
    LANGUAGES,
    THANKS_FOR,
    DeviceNameTaken,
    DeviceRevoked,
    SetUpLink,
    Times,
)
from prom_server.services import devices
from prom_server.transaction import reading, transaction
from prom_server.web import forms
from prom_server.web.staff_page import show

pages = Blueprint("devices", __name__)


class Tablet(forms.Form):
    name = forms.text(60)
    language = forms.choice(LANGUAGES)


class Waits(forms.Form):
    cover_after = forms.seconds(*COVER_AFTER)
    end_after = forms.seconds(*END_AFTER)
    thanks_for = forms.seconds(*THANKS_FOR)

    def times(self) -> Times:
        return Times(self.cover_after.data, self.end_after.data, self.thanks_for.data)


@pages.get("/settings/tablets")
def index() -> Shown:
    return _page()


def _page(
    status: int = 200, *, tablet: Tablet | None = None, waits: Waits | None = None, error: str | None = None
) -> Shown:
    with reading() as database:
        lines, times = devices.devices(database, by=g.by), devices.times(database, by=g.by)
    return show(
        "admin/devices.html",
        status,
        lines=lines,
        tablet=tablet or Tablet(formdata=None, prefix="tablet", data={"language": LANGUAGES[0]}),
        waits=waits or Waits(formdata=None, prefix="waits", obj=times),
        error=error,
    )


@pages.post("/settings/tablets")
def register() -> Shown:
    form = Tablet(prefix="tablet")
    if form.validate():
        try:
            with transaction() as database:
                link = devices.register(database, form.name.data, form.language.data, by=g.by, at=clock.now())
            return _link_page(link)
        except DeviceNameTaken as error:
            form.refuse(error, "name")
    return _page(422, tablet=form)


@pages.post("/settings/tablets/times")
def change_times() -> Shown:
    form = Waits(prefix="waits")
    if not form.validate():
        return _page(422, waits=form)
    with transaction() as database:
        devices.change_times(database, form.times(), by=g.by, at=clock.now())
    flash("times_saved")
    return redirect(url_for(".index"), 303)


@pages.route("/settings/tablets/<public_id>", methods=["GET", "POST"])
def rename(public_id: str) -> Shown:
    with reading() as database:
        line = devices.device(database, public_id, by=g.by)
    form = Tablet(obj=line)
    if form.validate_on_submit():
        try:
            with transaction() as database:
                devices.rename(database, public_id, form.name.data, form.language.data, by=g.by, at=clock.now())
            flash("tablet_saved")
            return redirect(url_for(".index"), 303)
        except (DeviceNameTaken, DeviceRevoked) as error:
            form.refuse(error, "name")
    return show("admin/device.html", 422 if form.is_submitted() else 200, form=form, line=line)


@pages.post("/settings/tablets/<public_id>/link")
def new_link(public_id: str) -> Shown:
    try:
        with transaction() as database:
            link = devices.new_set_up_link(database, public_id, by=g.by, at=clock.now())
    except DeviceRevoked as error:
        return _page(409, error=type(error).__name__)
    return _link_page(link)


@pages.post("/settings/tablets/<public_id>/revoke")
def revoke(public_id: str) -> Shown:
    with transaction() as database:
        devices.revoke(database, public_id, by=g.by, at=clock.now())
    flash("tablet_revoked")
    return redirect(url_for(".index"), 303)


def _link_page(link: SetUpLink) -> Shown:
    """Shows the one-time address once: it is kept nowhere to redirect to."""
    url = current_app.extensions["prom-settings"].public_url + url_for("kiosk.look_at_set_up", token=link.token)
    qr = segno.make(url, error="m", micro=False).svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
    return show("admin/device_link.html", link=link, url=url, qr=qr)
