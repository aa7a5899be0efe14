"""Settings: the words of messages to patients and staff, with a preview and a test."""

from flask import Blueprint, current_app, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.message_words import PLACEHOLDERS, LinkMissing, UnknownPlaceholder, WordsPage, check
from prom_server.services import message_templates
from prom_server.services.message_templates import NoOwnMobile
from prom_server.transaction import reading, transaction
from prom_server.web.message_template_forms import WordsForm, form_of
from prom_server.web.staff_page import show

pages = Blueprint("message_templates", __name__)


@pages.get("/settings/words")
def index() -> Shown:
    with reading() as database:
        lines = message_templates.listing(database, by=g.by)
    return show("admin/message_templates.html", lines=lines)


@pages.route("/settings/words/<kind>", methods=["GET", "POST"])
def edit(kind: str) -> Shown:
    """Shown with a preview; a draft is previewed before it is saved, with the same button's neighbour."""
    page = _page(kind)
    if request.method == "GET":
        return _show(page, form_of(page.kind, page.words))
    form = form_of(page.kind)
    if not form.validate():
        return _show(page, form, 422)
    try:
        check(form.words())
        if request.form.get("go") == "preview":
            return _show(page, form)
        with transaction() as database:
            message_templates.change(database, kind, form.words(), by=g.by, at=clock.now())
    except (UnknownPlaceholder, LinkMissing) as error:
        form.refuse(error)
        return _show(page, form, 422)
    flash("words_saved")
    return redirect(url_for(".edit", kind=kind), 303)


@pages.post("/settings/words/<kind>/reset")
def reset(kind: str) -> Shown:
    with transaction() as database:
        message_templates.reset(database, kind, by=g.by, at=clock.now())
    flash("words_reset")
    return redirect(url_for(".edit", kind=kind), 303)


@pages.post("/settings/words/<kind>/test")
def send_test(kind: str) -> Shown:
    try:
        with transaction() as database:
            message_templates.send_test(database, kind, _public_url(), by=g.by, at=clock.now())
    except NoOwnMobile as error:
        page = _page(kind)
        return _show(page, form_of(page.kind, page.words), 409, error=type(error).__name__)
    flash("test_queued")
    return redirect(url_for(".edit", kind=kind), 303)


def _page(kind: str) -> WordsPage:
    with reading() as database:
        return message_templates.page(database, kind, by=g.by)


def _show(page: WordsPage, form: WordsForm, status: int = 200, error: str | None = None) -> Shown:
    drafted = status != 422
    words = form.words() if drafted else page.words
    preview = message_templates.preview(words, page.kind, g.by.clinic, _public_url())
    return show(
        "admin/message_template.html",
        status,
        page=page,
        form=form,
        preview=preview,
        unsaved=drafted and words != page.words,
        placeholders=PLACEHOLDERS,
        error=error,
    )


def _public_url() -> str:
    return str(current_app.extensions["prom-settings"].public_url)
