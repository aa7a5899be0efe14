"""Staff enter answers: which part, in which way; and a telephone interview. A paper form is in `web.paper`."""

from dataclasses import replace

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown
from wtforms import StringField
from wtforms.validators import Optional

from prom_server import clock
from prom_server.core.entry import (
    BegunOtherwise,
    EnteredMeanwhile,
    EnteredOtherwise,
    How,
    ImplausibleWrittenOn,
    Mode,
    NotOnPaper,
    RelationNeeded,
    Respondent,
    Who,
    WrittenOnNeeded,
)
from prom_server.core.refusals import NotFound
from prom_server.services import entry, entry_views
from prom_server.services.answering import AlreadySubmitted, NotAskedNow, Unfinished
from prom_server.transaction import transaction
from prom_server.web import forms
from prom_server.web.posting import posted, seconds_now, whole
from prom_server.web.staff_page import show

pages = Blueprint("entry", __name__)

PAGES = {Mode.PAPER: "paper.form", Mode.TELEPHONE: "entry.telephone"}
FIELDS = {
    NotOnPaper: "mode",
    BegunOtherwise: "part",
    EnteredOtherwise: "part",
    AlreadySubmitted: "part",
    RelationNeeded: "relation",
    WrittenOnNeeded: "written_on",
    ImplausibleWrittenOn: "written_on",
}


class WhoForm(forms.Form):
    respondent = forms.choice([str(each) for each in Respondent])
    relation = forms.text(60, needed=False)
    assisted_by = forms.text(60, needed=False)

    def who(self) -> Who:
        return Who(Respondent(self.respondent.data), self.relation.data or None, self.assisted_by.data or None)


class Enter(WhoForm):
    part = StringField(validators=[forms.NEEDED])
    mode = forms.choice([str(each) for each in Mode])
    written_on = forms.Day(validators=[Optional()])

    def how(self) -> How:
        who = self.who()
        return How(Mode(self.mode.data), who.respondent, who.relation, who.assisted_by, self.written_on.data)


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
                part = entry.begin(database, public_id, number(form.part.data), form.how(), by=g.by, at=at)
            return redirect(url_for(PAGES[Mode(form.mode.data)], public_id=part), 303)
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


def number(text: str) -> int:
    """Zero, which is none of anything here, where it is no whole number."""
    try:
        return whole(text)
    except ValueError:
        return 0


def to_choice(public_id: str) -> Shown:
    """Back to the parts of its assessment."""
    with transaction() as database:
        assessment = entry.found(database, public_id, by=g.by, at=clock.now()).visit.assessment
    return redirect(url_for("entry.choose", public_id=assessment), 303)


# ---- On the telephone


@pages.route("/answers/<public_id>/telephone", methods=["GET", "POST"])
def telephone(public_id: str) -> Shown:
    """One item at a time, with what the interviewer says; by default the one to go on with."""
    try:
        return _said(public_id) if request.method == "POST" else _question(public_id)
    except (NotAskedNow, Unfinished):  # another page changed what is asked
        return redirect(url_for(".telephone", public_id=public_id), 303)
    except AlreadySubmitted:
        return to_choice(public_id)


def _question(public_id: str, status: int = 200, error: str | None = None) -> Shown:
    item = number(request.args["item"]) if "item" in request.args else None
    if item == 0:
        raise NotFound("no such item")
    with transaction() as database:
        view = entry_views.question(database, public_id, item, by=g.by, at=clock.now())
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
        return to_choice(public_id)
    return show("clinic/entry_review.html", view=view, review=review)


@pages.get("/answers/<public_id>/stay")
def stay(public_id: str) -> Shown:
    """After an answer that raised an alert: what to do now. Never the patient's help page."""
    with transaction() as database:
        view = entry_views.stay(database, public_id, by=g.by, at=clock.now())
    return show("clinic/entry_stay.html", view=view)
