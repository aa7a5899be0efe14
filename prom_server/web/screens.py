"""Several items on one screen of a large tablet: one form, and each answer is stored by itself."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.refusals import InvalidAnswer
from prom_server.core.screens import MOST
from prom_server.services import answering, visit_pages
from prom_server.services.answering import NewerAnswer, Saved
from prom_server.transaction import reading, transaction
from prom_server.web.patient import address, after_save, ask_about_skip, newer_answer
from prom_server.web.posting import posted, since, whole

pages = Blueprint("screens", __name__)

SKIP = "skip"  # for a value: what the page that asks about two answers may say


@pages.route("/answer/<int(max=99):part>/<int(max=999):number>/together", methods=["GET", "POST"])
def answer(part: int, number: int) -> Shown:
    """Stores what was chosen. Then goes on; or comes back to what is open, or to the question whether to skip it."""
    if request.method == "GET":  # a reload, or Back
        return redirect(url_for("patient.step", part=part, number=number), 303)
    asked = _asked()
    skip = _step(request.form["skip"]) if "skip" in request.form else None
    chosen = [step for step in asked if f"value-{step}" in request.form and step != skip]
    saved, newer = _save(part, chosen)
    if newer:
        first, *others = newer
        return newer_answer(newer[first], _asked_after(first, newer[first].view.sequence, others))
    if skip is not None:
        return ask_about_skip(part, skip)
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


def _save(part: int, steps: list[int]) -> tuple[Saved | None, dict[int, NewerAnswer]]:
    """Each in a transaction of its own: one that was answered on another page meanwhile takes no other with it."""
    saved, newer = None, {}
    for step in steps:
        try:
            with transaction() as database:
                saved = answering.save(database, session["patient"], part, posted(_alone(step)), at=clock.now())
        except NewerAnswer as error:
            newer[step] = error
    return saved, newer


def _alone(step: int) -> dict[str, str]:
    """One of the answers, as if its item had stood alone."""
    value = request.form[f"value-{step}"]
    sequence = request.form.get(f"sequence-{step}", request.form.get("sequence", ""))
    go = "skip-confirmed" if value == SKIP else ""
    return {**request.form, "item": request.form[f"item-{step}"], "value": value, "sequence": sequence, "go": go}


def _asked_after(first: int, sequence: int, others: list[int]) -> dict[str, str]:
    """For the page that asks about `first`: that item at its new sequence, the others as old as they were posted."""
    if not others:
        return {}
    fields = {"sequence": request.form.get("sequence", ""), f"sequence-{first}": str(sequence)}
    fields |= {f"item-{step}": request.form[f"item-{step}"] for step in (first, *others)}
    return fields | {f"value-{step}": request.form[f"value-{step}"] for step in others}


def _again(part: int, number: int) -> Shown:
    """Something was not chosen: it is asked again, unless it was skipped before."""
    with reading() as database:
        views = visit_pages.screen(database, session["patient"], part, number, large=True, at=clock.now())
    following = views[-1].following
    if following is not None and all(each.chosen is not None or each.skipped for each in views):
        return redirect(address(following), 303)
    facts = {"error": "nothing_chosen", "rendered": since(request.form)}
    return render_template("patient/together.html", views=views, **facts), 422
