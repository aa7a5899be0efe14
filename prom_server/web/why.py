"""Why an assessment stands where it stands: the page of one assessment."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.services import why as why_services
from prom_server.transaction import transaction
from prom_server.web.staff_page import show

pages = Blueprint("why", __name__)


@pages.get("/assessments/<public_id>/why")
def assessment(public_id: str) -> Shown:
    with transaction() as database:
        view = why_services.why(database, public_id, by=g.by, at=clock.now())
    return show("clinic/why.html", view=view)
