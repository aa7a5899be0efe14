"""Staff type a paper form: every item of one questionnaire on one page, in one pass or in two that are compared."""

from collections.abc import Mapping

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue as Shown

from prom_server import clock
from prom_server.core.entry import EnteredMeanwhile, PaperView
from prom_server.core.refusals import InvalidAnswer
from prom_server.services import paper
from prom_server.services.answering import AlreadySubmitted, NotAskedNow
from prom_server.transaction import transaction
from prom_server.web.entry import number, to_choice
from prom_server.web.posting import whole
from prom_server.web.staff_page import show

pages = Blueprint("paper", __name__)

BLANK = "blank"  # the item was left blank on the paper


@pages.route("/answers/<public_id>/paper", methods=["GET", "POST"])
def form(public_id: str) -> Shown:
    try:
        with transaction() as database:
            view = paper.form(database, public_id, by=g.by, at=clock.now())
    except AlreadySubmitted:
        return to_choice(public_id)
    if request.method == "GET":
        return _page(view)
    try:
        answers = _answers(view, request.form)
    except _Overlooked as error:
        return _page(view, 422, overlooked=error.numbers)
    # A first pass that comes twice, from a double click, is no second one.
    first_again = request.form.get("go") == "twice"
    return _second_pass(view, answers) if view.begun and not first_again else _first_pass(view, answers)


class _Overlooked(Exception):
    """Items with neither an answer nor the mark that they are blank."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        super().__init__("overlooked")
        self.numbers = numbers


def _answers(view: PaperView, typed: Mapping[str, str]) -> dict[str, int | None]:
    """What was typed for every item. Raises _Overlooked, InvalidAnswer."""
    values = [typed.get(name) for name in _names(view)]
    if overlooked := tuple(place for place, value in enumerate(values, 1) if value is None):
        raise _Overlooked(overlooked)
    try:
        answers = [None if value == BLANK else whole(value or "") for value in values]
    except ValueError as error:
        raise InvalidAnswer("not an answer") from error
    return {item.id: value for item, value in zip(view.items, answers, strict=True)}


def _names(view: PaperView) -> list[str]:
    return [f"item-{place}" for place in range(1, len(view.items) + 1)]


def _first_pass(view: PaperView, answers: Mapping[str, int | None]) -> Shown:
    return _stored(view, answers, send=request.form.get("go") != "twice")


def _second_pass(view: PaperView, answers: Mapping[str, int | None]) -> Shown:
    """Sent when it says the same as the first, or when it was said for each difference which one is right."""
    if request.form.get("go") != "settled":
        with transaction() as database:
            differ = paper.second_pass(database, view.entering.administration_id, answers, by=g.by, at=clock.now())
        if differ:
            return show("clinic/entry_differences.html", 422, view=view, differences=differ, typed=request.form)
    return _stored(view, answers, send=True)


def _stored(view: PaperView, answers: Mapping[str, int | None], *, send: bool) -> Shown:
    public_id, sequence = view.entering.administration_id, number(request.form.get("sequence", ""))
    try:
        with transaction() as database:
            needs_somebody = paper.store_paper(
                database, public_id, answers, sequence, send=send, by=g.by, at=clock.now()
            )
    except NotAskedNow as error:
        place = next(place for place, item in enumerate(view.items, 1) if item.id == str(error))
        return _page(view, 422, not_asked=place)
    except EnteredMeanwhile as error:
        return _page(view, 409, refused=type(error).__name__)
    flash("part_entered" if send else "first_pass_stored")
    if needs_somebody is not None:
        return redirect(url_for("entry.stay", public_id=public_id), 303)
    return to_choice(public_id) if send else redirect(url_for(".form", public_id=public_id), 303)


def _page(view: PaperView, status: int = 200, **facts: object) -> Shown:
    none = {"overlooked": (), "not_asked": None, "refused": None}
    typed = request.form or _typed_before(view)
    return show("clinic/entry_paper.html", status, view=view, typed=typed, **(none | facts))


def _typed_before(view: PaperView) -> dict[str, str]:
    """Of a part that is asked again: only what was left blank is looked for."""
    before = zip(_names(view), view.before or (), strict=False)
    return {name: BLANK if value is None else str(value) for name, value in before}
