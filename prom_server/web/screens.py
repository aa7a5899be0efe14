"""Several items on one screen of a large tablet: one form, and each answer is stored by itself."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.screens import MOST
from prom_server.services import answering, visit_pages
from prom_server.services.answering import NewerAnswer, Saved
from prom_server.transaction import reading, transaction
from prom_server.web.patient import SHOWN, address, after_save
from prom_server.web.posting import posted, since, whole

pages = Blueprint("screens", __name__)


@pages.route("/answer/<int(max=99):part>/<int(max=999):number>/together", methods=["GET", "POST"])
def answer(part: int, number: int) -> Shown:
    """Stores what was chosen. Then goes on; or comes back to what is open, or to the question whether to skip it."""
    if request.method == "GET":  # a reload, or Back
        return redirect(url_for("patient.step", part=part, number=number), 303)
    asked = _asked()
    chosen = [step for step in asked if f"value-{step}" in request.form]
    saved = _save(part, chosen)
    skip = request.form.get("skip")
    if skip is not None:
        session[SHOWN] = [part, _step(skip), since(request.form)]
        return redirect(url_for("patient.skip", part=part, number=_step(skip)), 303)
    if saved is not None and chosen == asked:
        return after_save(saved, part, saved.number)
    return _again(part, number)


def _asked() -> list[int]:
    """The steps that the form shows, in their order."""
    names = [name for name in request.form if name.startswith("item-")]
    if len(names) > MOST:
        raise InvalidAnswer("too many items")
    return sorted(_step(name.removeprefix("item-")) for name in names)


def _step(text: str) -> int:
    try:
        return whole(text)
    except ValueError as error:
        raise InvalidAnswer("not a step") from error


def _save(part: int, steps: list[int]) -> Saved | None:
    """Each in a transaction of its own: one that was answered on another page meanwhile takes no other with it."""
    saved, newer = None, None
    for step in steps:
        form = {**request.form, "item": request.form[f"item-{step}"], "value": request.form[f"value-{step}"]}
        try:
            with transaction() as database:
                saved = answering.save(database, session["patient"], part, posted(form), at=clock.now())
        except NewerAnswer as error:
            newer = newer or error
    if newer is not None:
        raise newer
    return saved


def _again(part: int, number: int) -> Shown:
    """Something was not chosen: it is asked again, unless it was skipped before."""
    with reading() as database:
        views = visit_pages.screen(database, session["patient"], part, number, large=True, at=clock.now())
    following = views[-1].following
    if following is not None and all(each.chosen is not None or each.skipped for each in views):
        return redirect(address(following), 303)
    facts = {"error": "nothing_chosen", "rendered": since(request.form)}
    return render_template("patient/together.html", views=views, **facts), 422
