"""A form as a patient sees it, for staff: the patient's own templates, with other addresses, and nothing stored."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug import Response

from prom_server.core import preview
from prom_server.core.alerts import alerts_of, raised_by
from prom_server.core.instrument import Instrument
from prom_server.core.preview import Answers
from prom_server.core.refusals import NotFound
from prom_server.core.responses import scored_answers
from prom_server.core.scoring import score
from prom_server.core.screening import screen
from prom_server.core.visit import PartState, after
from prom_server.core.visit_views import HelpView, review_view, step_view
from prom_server.services import instrument_pages
from prom_server.web.catalogue import asked_revision
from prom_server.web.staff_page import show as show_staff

pages = Blueprint("preview", __name__)

# Which page of the preview stands for which of a patient's.
PAGES = {
    "patient.step": "step",
    "patient.answer": "step",
    "patient.review": "review",
    "patient.help_page": "help",
    "patient.decline": "end",
}


@pages.get("/instruments/<instrument_id>/preview")
def show(instrument_id: str) -> Shown:
    instrument, answers = _asked(instrument_id)
    page = request.args.get("page", "step")
    if page not in _SHOWN:
        raise NotFound("no such page")
    return _SHOWN[page](instrument, answers)


@pages.post("/instruments/<instrument_id>/preview")
def answer(instrument_id: str) -> Shown:
    """Goes on as after a patient's button, with the answer in the address."""
    instrument, answers = _asked(instrument_id)
    page, go = request.args.get("page", "step"), request.form.get("go")
    if page == "review":
        return _to(instrument, answers, page="end")
    if page == "help":
        return _to(instrument, answers, page="help", step=_step(), asked=1)
    if go == "skip":
        return _to(instrument, answers, page="skip", step=_step())
    value = preview.SKIPPED if go == "skip-confirmed" else request.form.get("value")
    if value is None:
        return _question(instrument, answers, error="nothing_chosen")
    return _after(instrument, answers, preview.answering(instrument, request.form.get("item", ""), value))


def _asked(instrument_id: str) -> tuple[Instrument, Answers]:
    """The form and the answers so far. Raises NotFound, InvalidAnswer."""
    instrument = instrument_pages.definition(instrument_id, asked_revision(), request.args.get("language"), by=g.by)
    return instrument, preview.read(instrument, request.args.get("answers", ""))


def _after(instrument: Instrument, answers: Answers, given: Answers) -> Response:
    now = {**answers, **given}
    part = preview.part(instrument, now)
    if any(raised_by(instrument, item, value) for item, value in given.items()):
        return _to(instrument, now, page="help", step=_step())
    place = after(part, _step())
    return _to(instrument, now, page="step" if place.step else "review", step=place.step or None)


# ---- The pages


def _question(instrument: Instrument, answers: Answers, template: str = "step", error: str | None = None) -> Shown:
    part = preview.part(instrument, answers)
    view = step_view(g.by.clinic, (part,), part, _within(part))
    return _patient_page(
        template, instrument, answers, view=view, error=error, sequence=view.sequence
    ), 422 if error else 200


def _help(instrument: Instrument, answers: Answers) -> Shown:
    part = preview.part(instrument, answers)
    step = _within(part)
    if instrument.alert_on(part.items[step - 1].id) is None:
        raise NotFound("no such help page")
    view = HelpView(g.by.clinic, 1, step, after(part, step), call_requested="asked" in request.args)
    return _patient_page("help", instrument, answers, view=view)


def _review(instrument: Instrument, answers: Answers) -> Shown:
    part = preview.part(instrument, answers)
    return _patient_page("review", instrument, answers, view=review_view(g.by.clinic, (part,), part))


def _end(instrument: Instrument, answers: Answers) -> Shown:
    """For staff only: what would have been scored and raised."""
    part = preview.part(instrument, answers)
    given = scored_answers(instrument, part.responses)
    scores = score(instrument, given)
    return show_staff(
        "clinic/preview_end.html",
        instrument=instrument,
        part=part,
        answers=preview.written(answers),
        scores=scores,
        alerts=alerts_of(instrument, given, scores),
        screening=screen(instrument, given),
    )


_SHOWN: dict[str, Callable[[Instrument, Answers], Shown]] = {
    "step": _question,
    "skip": partial(_question, template="skip"),
    "help": _help,
    "review": _review,
    "end": _end,
}


def _patient_page(name: str, instrument: Instrument, answers: Answers, **facts: Any) -> str:
    """A patient's template; its addresses lead to the preview."""

    def address(endpoint: str, **values: Any) -> str:
        if endpoint not in PAGES:
            return url_for(endpoint, **values)
        return _address(instrument, answers, page=PAGES[endpoint], step=values.get("number"))

    return render_template(
        "clinic/preview.html", page=f"patient/{name}.html", instrument=instrument, url_for=address, **facts
    )


# ---- Addresses


def _address(instrument: Instrument, answers: Answers, **more: Any) -> str:
    asked = {"revision": asked_revision(), "language": request.args.get("language")}
    facts: dict[str, Any] = {"answers": preview.written(answers) or None, **asked, **more}
    return url_for("preview.show", instrument_id=instrument.id, **facts)


def _to(instrument: Instrument, answers: Answers, **more: object) -> Response:
    return redirect(_address(instrument, answers, **more), 303)


def _step() -> int:
    """The step that the address names, from 1. Raises NotFound for what is none."""
    text = request.args.get("step", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise NotFound("no such step")
    return int(text)


def _within(part: PartState) -> int:
    if not 1 <= (step := _step()) <= len(part.items):
        raise NotFound("no such step")
    return step
