"""An answer as a form sends it: what is answered, and what the page tells about when and where."""

from collections.abc import Mapping
from datetime import timedelta

from flask import request

from prom_server import clock
from prom_server.core.refusals import InvalidAnswer
from prom_server.services.answering import Posted
from prom_server.web.circumstances import LONGEST_DELAY, device_class, shown_for


def posted(form: Mapping[str, str]) -> Posted:
    """Whole numbers only: nothing is coerced, a wrong one is refused and nothing stored."""
    try:
        value = None if form.get("go") == "skip-confirmed" else whole(form["value"])
        delay = min(timedelta(seconds=whole(form.get("delay", "0"))), LONGEST_DELAY)
        shown, device = shown_for(form, delay, clock.now()), device_class(form.get("device"), _browser())
        return Posted(form["item"], value, whole(form["sequence"]), delay, shown, device)
    except (KeyError, ValueError) as error:
        raise InvalidAnswer("not an answer") from error


def sequence_of(form: Mapping[str, str]) -> int:
    """That the page was made with."""
    try:
        return whole(form.get("sequence", ""))
    except ValueError as error:
        raise InvalidAnswer("not a page of ours") from error


def seconds_now() -> int:
    """When a page is made, for its own form: see `shown_for`."""
    return int(clock.now().timestamp())


def since(form: Mapping[str, str]) -> int | None:
    """When the item came on the screen, for the page that follows about the same item."""
    shown = shown_for(form, timedelta(0), clock.now())
    return None if shown is None else seconds_now() - int(shown.total_seconds())


def _browser() -> str:
    return request.user_agent.string


def whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError("not a whole number")
    return int(text)
