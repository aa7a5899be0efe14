"""Staff enter a paper form, or a telephone interview."""

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown
from wtforms import StringField
from wtforms.validators import Optional

from prom_server import clock
from prom_server.core.entry import (
    BegunOtherwise,
    EnteredMeanwhile,
    How,
    ImplausibleWrittenOn,
    Mode,
    NotOnPaper,
    PaperView,
    RelationNeeded,
    Respondent,
    WrittenOnNeeded,
)
from prom_server.core.refusals import InvalidAnswer, NotFound
from prom_server.services import entry, entry_views
from prom_server.services import paper as papers
from prom_server.services.answering import AlreadySubmitted, NotAskedNow, Unfinished
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.patient import posted, seconds_now, whole
from prom_server.web.staff_page import show

pages = Blueprint("entry", __name__)

BLANK = "blank"  # the item was left blank on the paper
FIELDS = {
    NotOnPaper: "mode",
    BegunOtherwise: "part",
    AlreadySubmitted: "part",
    RelationNeeded: "relation",
    WrittenOnNeeded: "written_on",
    ImplausibleWrittenOn: "written_on",
}


class Enter(forms.Form):
    part = StringField(validators=[forms.NEEDED])
    mode = forms.choice([str(each) for each in Mode])
    written_on = forms.Day(validators=[Optional()])
    respondent = forms.choice([str(each) for each in Respondent])
    relation = forms.text(60, needed=False)
    assisted_by = forms.text(60, needed=False)

    def how(self) -> How:
        return How(
            mode=Mode(self.mode.data),
            respondent=Respondent(self.respondent.data),
            relation=self.relation.data or None,
            assisted_by=self.assisted_by.data or None,
            written_on=self.written_on.data,
        )


# ---- Which part, in which way


@pages.route("/assessments/<public_id>/entry", methods=["GET", "POST"])
def choose(public_id: str) -> Shown:
    at = clock.now()
    with transaction() as database:
        view = entry_views.choices(database, public_id, by=g.by, at=at)
    form = Enter(data=_likely(view.last))
    if form.validate_on_submit():
        try:
            with transaction() as database:
                part = entry.begin(database, public_id, _number(form.part.data), form.how(), by=g.by, at=at)
            return redirect(url_for(f".{form.mode.data}", public_id=part), 303)
        except tuple(FIELDS) as error:
            form.refuse(error, FIELDS[type(error)])
        except NotFound:  # the assessment is known by now: it is the part
            form.part.errors = ("not_a_choice",)
    return show("clinic/entry.html", 422 if form.is_submitted() else 200, view=view, form=form)


def _likely(last: How | None) -> dict[str, object]:
    """What the page begins with: as the part before was entered."""
    if last is None:
        return {"respondent": Respondent.PATIENT}
    return {
        "mode": last.mode,
        "respondent": last.respondent,
        "relation": last.relation,
        "assisted_by": last.assisted_by,
        "written_on": last.written_on,
    }


def _number(text: str) -> int:
    try:
        return whole(text)
    except ValueError:
        return 0


# ---- On paper


@pages.route("/answers/<public_id>/paper", methods=["GET", "POST"])
def paper(public_id: str) -> Shown:
    """Every item of one questionnaire on one page; with two passes the second one is compared with the first."""
    try:
        with transaction() as database:
            view = papers.form(database, public_id, by=g.by, at=clock.now())
    except AlreadySubmitted:
        return _to_choice(public_id)
    if request.method == "GET":
        return _paper_page(view)
    try:
        answers = _answers(view, request.form)
    except _Overlooked as error:
        return _paper_page(view, 422, overlooked=error.numbers)
    return _second_pass(view, answers) if view.begun else _first_pass(view, answers)


class _Overlooked(Exception):
    """Items with neither an answer nor the mark that they are blank."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        super().__init__("overlooked")
        self.numbers = numbers


def _answers(view: PaperView, form: Mapping[str, str]) -> dict[str, int | None]:
    """What was typed for every item. Raises _Overlooked, InvalidAnswer."""
    typed = {number: form.get(f"item-{number}") for number in range(1, len(view.items) + 1)}
    if overlooked := tuple(number for number, value in typed.items() if value is None):
        raise _Overlooked(overlooked)
    try:
        values = [None if value == BLANK else whole(value or "") for value in typed.values()]
    except ValueError as error:
        raise InvalidAnswer("not an answer") from error
    return {item.id: value for item, value in zip(view.items, values, strict=True)}


def _first_pass(view: PaperView, answers: Mapping[str, int | None]) -> Shown:
    twice = request.form.get("go") == "twice"
    return _stored(view, answers, send=not twice)


def _second_pass(view: PaperView, answers: Mapping[str, int | None]) -> Shown:
    """Sent when it says the same as the first, or when it was said for each difference which one is right."""
    with transaction() as database:
        differ = papers.second_pass(database, view.entering.administration_id, answers, by=g.by, at=clock.now())
    if differ and request.form.get("go") != "settled":
        return show("clinic/entry_differences.html", 422, view=view, differences=differ, typed=request.form)
    return _stored(view, answers, send=True)


def _stored(view: PaperView, answers: Mapping[str, int | None], *, send: bool) -> Shown:
    public_id, sequence = view.entering.administration_id, _number(request.form.get("sequence", ""))
    try:
        with transaction() as database:
            needs_somebody = papers.store_paper(
                database, public_id, answers, sequence, send=send, by=g.by, at=clock.now()
            )
    except NotAskedNow as error:
        number = next(place for place, item in enumerate(view.items, 1) if item.id == str(error))
        return _paper_page(view, 422, not_asked=number)
    except EnteredMeanwhile as error:
        return _paper_page(view, 409, refused=type(error).__name__)
    flash("part_entered" if send else "first_pass_stored")
    if needs_somebody is not None:
        return redirect(url_for(".stay", public_id=public_id), 303)
    return _to_choice(public_id) if send else redirect(url_for(".paper", public_id=public_id), 303)


def _paper_page(view: PaperView, status: int = 200, **facts: object) -> Shown:
    none = {"overlooked": (), "not_asked": None, "refused": None}
    return show("clinic/entry_paper.html", status, view=view, typed=request.form, **(none | facts))


def _to_choice(public_id: str) -> Shown:
    """Back to the parts of its assessment."""
    with transaction() as database:
        assessment = entry.found(database, public_id, by=g.by, at=clock.now()).visit.assessment
    return redirect(url_for(".choose", public_id=assessment), 303)


# ---- On the telephone


@pages.route("/answers/<public_id>/telephone", methods=["GET", "POST"])
def telephone(public_id: str) -> Shown:
    """One item at a time, with what the interviewer says; by default the one to go on with."""
    try:
        return _said(public_id) if request.method == "POST" else _question(public_id)
    except (NotAskedNow, Unfinished):  # another page changed what is asked
        return redirect(url_for(".telephone", public_id=public_id), 303)
    except AlreadySubmitted:
        return _to_choice(public_id)


def _question(public_id: str, status: int = 200, error: str | None = None) -> Shown:
    number = _number(request.args["item"]) if "item" in request.args else None
    if number == 0:
        raise NotFound("no such item")
    with transaction() as database:
        view = entry_views.question(database, public_id, number, by=g.by, at=clock.now())
    if view is None:
        return redirect(url_for(".send", public_id=public_id), 303)
    return show("clinic/entry_telephone.html", status, view=view, error=error, rendered=seconds_now())


def _said(public_id: str) -> Shown:
    if "value" not in request.form and request.form.get("go") != "skip-confirmed":
        return _question(public_id, 422, "nothing_chosen")
    answer = replace(posted(request.form), device=None)  # the interviewer's device says nothing of the patient
    try:
        with transaction() as database:
            saved = entry.say(database, public_id, answer, by=g.by, at=clock.now())
    except EnteredMeanwhile as error:
        return _question(public_id, 409, type(error).__name__)
    if saved.help:
        return redirect(url_for(".stay", public_id=public_id), 303)
    if saved.place.step == 0:
        return redirect(url_for(".send", public_id=public_id), 303)
    return redirect(url_for(".telephone", public_id=public_id, item=saved.place.step), 303)


@pages.route("/answers/<public_id>/send", methods=["GET", "POST"])
def send(public_id: str) -> Shown:
    try:
        if request.method == "POST":
            with transaction() as database:
                assessment = entry.send(database, public_id, by=g.by, at=clock.now())
            flash("part_entered")
            return redirect(url_for(".choose", public_id=assessment), 303)
        with transaction() as database:
            view, review = entry_views.review(database, public_id, by=g.by, at=clock.now())
    except Unfinished:
        return redirect(url_for(".telephone", public_id=public_id), 303)
    except AlreadySubmitted:
        return _to_choice(public_id)
    return show("clinic/entry_review.html", view=view, review=review)


@pages.get("/answers/<public_id>/stay")
def stay(public_id: str) -> Shown:
    """After an answer that raised an alert: what to do now. Never the patient's help page."""
    with transaction() as database:
        view = entry_views.stay(database, public_id, by=g.by, at=clock.now())
    return show("clinic/entry_stay.html", view=view)
