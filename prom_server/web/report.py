"""The trend of one patient as a PDF: the same view as the page, so the two cannot disagree."""

from flask import Blueprint, Response, g, make_response
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.reports import pdf, score_report
from prom_server.services import trends
from prom_server.transaction import transaction
from prom_server.web.errors import page
from prom_server.web.filters import local
from prom_server.web.journal import log

pages = Blueprint("report", __name__)


@pages.get("/patients/<public_id>/report.pdf")
def score(public_id: str) -> Response:
    """Rendered outside the transaction. The file's name holds no person."""
    at = clock.now()
    with transaction() as database:
        view = trends.trend(database, public_id, by=g.by, at=at, action="report.print")
    clinic = g.by.clinic
    facts = score_report.ReportFacts(
        document_id=f"{view.header.patient.record_number}-{g.request_id[:6].upper()}",
        generated_at=local(at, clinic.time_zone),
        generated_by=g.by.name,
        clinic=clinic.name,
        demo=clinic.demo,
    )
    document = pdf.render(score_report.render(view, facts), paper="letter" if clinic.paper == "letter" else "a4")
    response = make_response(document)
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = "inline; filename=report.pdf"
    return response


@pages.app_errorhandler(pdf.RenderingFailed)
def no_report(error: pdf.RenderingFailed) -> Shown:
    log.error("no report", extra={"fields": {"request_id": g.get("request_id"), "reason": str(error)}})
    return page("no_report", 503)
