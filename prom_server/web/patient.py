"""The patient's pages once identified: the questions, the review, the help page, the thanks."""

import hmac
from collections.abc import Mapping
from types import MappingProxyType

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.visit import Place
from prom_server.services import answering, visit_pages, visits
from prom_server.services.answering import NotAskedNow, Saved, Unfinished
from prom_server.transaction import reading, transaction
from prom_server.web import tablets
from prom_server.web.errors import refused, wants_json
from prom_server.web.posting import posted, seconds_now, sequence_of, since

pages = Blueprint("patient", __name__)

SKIPPING = "skipping"  # in the session: the item that is about to be skipped, since when it is shown, and its sequence


@pages.get("/answer")
def welcome() -> Shown:
    with reading() as database:
        view = visit_pages.welcome(database, session["patient"], at=clock.now())
    if view.place.finished:
        return redirect(url_for(".thanks"), 303)
    return render_template("patient/welcome.html", view=view)


@pages.post("/answer")
def start() -> Shown:
    with transaction() as database:
        place = answering.start(database, session["patient"], at=clock.now())
    return redirect(address(place), 303)


@pages.get("/answer/go-on")
def go_on() -> Shown:
    """Where to go on in the battery: an address that never goes stale."""
    with reading() as database:
        place = visit_pages.where(database, session["patient"], at=clock.now())
    return redirect(address(place), 303)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>")
def step(part: int, number: int) -> Shown:
    large, at = session.get(tablets.LARGE, False), clock.now()
    with reading() as database:
        views = visit_pages.screen(database, session["patient"], part, number, large=large, at=at)
    facts = {"error": None, "rendered": seconds_now(), "frame": _frame()}
    if len(views) > 1:
        return render_template("patient/together.html", views=views, **facts)
    return render_template("patient/step.html", view=views[0], **facts)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>/ahead")
def ahead(part: int, number: int) -> Shown:
    """For our script: the page after each answer, where the answer decides. No answer is in the address."""
    with reading() as database:
        alternatives = visit_pages.ahead(database, session["patient"], part, number, at=clock.now())
    return render_template("patient/_ahead.html", alternatives=alternatives, error=None)


@pages.post("/answer/<int(max=99):part>/<int(max=999):number>")
def answer(part: int, number: int) -> Shown:
    """Stores one answer and goes on. For our script: the sequence and the next address."""
    if request.form.get("go") == "skip":
        return ask_about_skip(part, number)
    if "value" not in request.form and request.form.get("go") != "skip-confirmed":
        with reading() as database:
            view = visit_pages.step(database, session["patient"], part, number, at=clock.now())
        facts = {"error": "nothing_chosen", "rendered": since(request.form)}
        return render_template("patient/step.html", view=view, **facts), 422
    with transaction() as database:
        saved = answering.save(database, session["patient"], part, posted(request.form), at=clock.now())
    return after_save(saved, part, number)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>/skip")
def skip(part: int, number: int) -> Shown:
    """Asks once whether to skip."""
    with reading() as database:
        view = visit_pages.step(database, session["patient"], part, number, at=clock.now())
    *item, rendered, sequence = session.get(SKIPPING, [None, None])
    if item != [part, number]:
        rendered, sequence = None, view.sequence
    return render_template("patient/skip.html", view=view, rendered=rendered, sequence=sequence)


def ask_about_skip(part: int, number: int) -> Shown:
    """The page that asks has the sequence of the one before: a newer answer is asked about, not overwritten."""
    session[SKIPPING] = [part, number, since(request.form), sequence_of(request.form)]
    return redirect(url_for("patient.skip", part=part, number=number), 303)


@pages.get("/answer/<int(max=99):part>/<int(max=999):number>/help")
def help_page(part: int, number: int) -> Shown:
    with reading() as database:
        view = visit_pages.help_view(database, session["patient"], part, number, at=clock.now())
    return render_template("patient/help.html", view=view)


@pages.post("/answer/<int(max=99):part>/<int(max=999):number>/help")
def call_me(part: int, number: int) -> Shown:
    with transaction() as database:
        answering.call_me(database, session["patient"], part, number, at=clock.now())
    return redirect(url_for(".help_page", part=part, number=number), 303)


@pages.get("/answer/<int(max=99):part>/review")
def review(part: int) -> Shown:
    with reading() as database:
        view = visit_pages.review(database, session["patient"], part, at=clock.now())
    if view.submitted:
        return redirect(url_for(".go_on"), 303)
    return render_template("patient/review.html", view=view)


@pages.post("/answer/<int(max=99):part>/review")
def submit(part: int) -> Shown:
    with transaction() as database:
        place = answering.submit(database, session["patient"], part, at=clock.now())
    return redirect(address(place), 303)


@pages.get("/answer/<int(max=99):part>/break")
def rest(part: int) -> Shown:
    """After a part of a long battery: nothing is asked, and nothing is in a hurry."""
    with reading() as database:
        view = visit_pages.rest(database, session["patient"], part, at=clock.now())
    return render_template("patient/break.html", view=view)


@pages.get("/answer/<int(max=99):part>/decline")
def decline(part: int) -> Shown:
    """Asks once whether the whole questionnaire is left out."""
    with reading() as database:
        view = visit_pages.declining(database, session["patient"], part, at=clock.now())
    if view.submitted:
        return redirect(url_for(".go_on"), 303)
    return render_template("patient/decline.html", view=view)


@pages.post("/answer/<int(max=99):part>/decline")
def declined(part: int) -> Shown:
    with transaction() as database:
        place = answering.decline(database, session["patient"], part, at=clock.now())
    return redirect(address(place), 303)


@pages.get("/answer/thanks")
def thanks() -> Shown:
    with reading() as database:
        place = visit_pages.where(database, session["patient"], at=clock.now())
        view = visit_pages.thanks(database, session["patient"], at=clock.now())
    if not place.finished:
        return redirect(address(place), 303)
    return tablets.last_page(render_template("patient/thanks.html", view=view))


@pages.post("/answer/leave")
def leave() -> Shown:
    """Ends the session on this device. Answers are kept."""
    if g.get("tablet"):
        tablets.let_go()
        return tablets.start()
    tablets.end_patient()
    session.clear()
    return render_template("patient/left.html")


@pages.app_errorhandler(answering.NewerAnswer)
def newer_answer(error: answering.NewerAnswer, others: Mapping[str, str] = MappingProxyType({})) -> Shown:
    """Asks which of two answers is right. `others`: fields of those on the same screen, asked about after it."""
    with transaction() as database:
        answering.hear(database, error, at=clock.now())
    if wants_json():
        return {"error": "newer_answer"}, 409
    return render_template("patient/conflict.html", view=error.view, offered=error.offered, others=others), 409


@pages.app_errorhandler(NotAskedNow)
@pages.app_errorhandler(Unfinished)
def elsewhere(error: NotAskedNow | Unfinished) -> Shown:
    """An older page: nothing was stored, and the patient is led to where the questions are now."""
    if isinstance(error, NotAskedNow):
        flash("not_asked_now")
    following = url_for("patient.go_on")
    return {"next": following} if wants_json() else redirect(following, 303)


@pages.app_errorhandler(visits.AssessmentClosed)
def closed(error: visits.AssessmentClosed) -> Shown:
    """In the middle of a visit: the same words as its link says now, with the clinic's number."""
    if wants_json() or "by" in g:
        return refused(error)
    return render_template("patient/link_refused.html", event="LinkClosed", error=error, token=None), 409


@pages.app_errorhandler(InvalidAnswer)
def invalid_answer(_error: InvalidAnswer) -> Shown:
    if wants_json():
        return {"error": "invalid_answer"}, 422
    return render_template("error/invalid_answer.html"), 422


@pages.app_template_filter("pending")
def pending(begun: tuple[int, ...]) -> str:
    """Whose unsent answers a device keeps: a word that tells nothing, and another one once a part is begun again."""
    if not any(begun):
        return ""
    of = "pending:" + ",".join(str(each) for each in begun)
    return hmac.new(str(current_app.secret_key).encode(), of.encode(), "sha256").hexdigest()[:16]


def _frame() -> str:
    """Our script looks ahead with the head and the foot of the page already there: half the bytes, half the work."""
    return "patient/_main_only.html" if request.headers.get("X-Only") == "main" else "base_patient.html"


def after_save(saved: Saved, part: int, number: int) -> Shown:
    help_page = url_for(".help_page", part=part, number=number) if saved.help else None
    following = help_page or address(saved.place)
    if wants_json():
        return {"next": following, "sequence": saved.sequence}
    return redirect(following, 303)


def address(place: Place) -> str:
    if place.finished:
        return url_for("patient.thanks")
    if place.part == 0:
        return url_for("patient.welcome")
    if place.rest_after is not None:
        return url_for("patient.rest", part=place.rest_after)
    if place.step == 0:
        return url_for("patient.review", part=place.part)
    return url_for("patient.step", part=place.part, number=place.step)
