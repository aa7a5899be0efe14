"""The instruments as staff read them: the list, and a page for each."""

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue as Shown

from prom_server.core.refusals import NotFound
from prom_server.services import instrument_pages
from prom_server.transaction import reading
from prom_server.web.staff_page import show

pages = Blueprint("catalogue", __name__)

MOST_WORDS = 100  # characters of a search


@pages.get("/instruments")
def index() -> Shown:
    words = request.args.get("q", "")[:MOST_WORDS].strip()
    with reading() as database:
        families = instrument_pages.families(database, words, by=g.by)
    return show("clinic/instruments.html", families=families, sought=words)


@pages.get("/instruments/<instrument_id>")
def instrument(instrument_id: str) -> Shown:
    with reading() as database:
        view = instrument_pages.page(database, instrument_id, asked_revision(), by=g.by)
    return show("clinic/instrument.html", view=view)


def asked_revision() -> int | None:
    """The revision that the address names. Raises NotFound for what is none."""
    text = request.args.get("revision")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise NotFound("no such revision")
    return int(text)
