"""What kind of device an answer comes from, and how long its item was on the screen: as far as it can be told."""

from collections.abc import Mapping
from datetime import datetime, timedelta

CLASSES = frozenset({"phone", "tablet", "computer"})
LONGEST = timedelta(hours=24)  # on the screen; longer says nothing about answering
LONGEST_DELAY = timedelta(hours=24)  # between an answer on the device and its arrival


def device_class(told: str | None, user_agent: str) -> str | None:
    """By what our script saw of screen and pointer; without it by what the browser calls itself. None: not known."""
    if told in CLASSES:
        return told
    if "iPad" in user_agent or "Tablet" in user_agent or ("Android" in user_agent and "Mobi" not in user_agent):
        return "tablet"
    if "Mobi" in user_agent:
        return "phone"
    return "computer" if user_agent else None


def is_large(told: str | None, user_agent: str) -> bool:
    """Whether several items have room on the screen: measured by our script, else unless it is a phone's."""
    if told in {"yes", "no"}:
        return told == "yes"
    return device_class(None, user_agent) in {"tablet", "computer"}


def delay(form: Mapping[str, str]) -> timedelta:
    """How long ago an answer was given, where the connection was down meanwhile. Zero where that is not a number."""
    told = form.get("delay", "")
    return min(timedelta(seconds=int(told)), LONGEST_DELAY) if _is_whole(told) else timedelta(0)


def shown_for(form: Mapping[str, str], delay: timedelta, at: datetime) -> timedelta | None:
    """How long the item was on the screen before it was answered: counted by our script, else since the page was made.

    None where neither is known or likely. It only describes: nothing is refused for it.
    """
    seconds, rendered = form.get("seconds", ""), form.get("rendered", "")
    if _is_whole(seconds):
        shown = timedelta(seconds=int(seconds))
    elif _is_whole(rendered):
        shown = timedelta(seconds=int(at.timestamp()) - int(rendered)) - delay
    else:
        return None
    return shown if timedelta(0) <= shown <= LONGEST else None


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 11
