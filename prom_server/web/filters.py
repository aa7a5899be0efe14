"""What templates of pages can say beyond those of reports: local time, phone numbers, addresses of static files."""

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.support import NullTranslations
from flask import Flask, g, url_for
from jinja2 import StrictUndefined

from prom_server.reports import filters


def install(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The extension adds this method to the environment at run time.
    app.jinja_env.install_gettext_translations(NullTranslations(), newstyle=True)  # type: ignore[attr-defined]
    filters.install(app.jinja_env)
    app.jinja_env.filters.update(local=local, tel=tel, upper_first=upper_first)
    app.jinja_env.globals.update(asset=asset, language="en")
    app.context_processor(_person)


def _person() -> dict[str, Any]:
    """The signed-in person and the open alerts, on every staff page; absent elsewhere."""
    return {"by": g.get("by"), "open_alerts": g.get("open_alerts")}


def local(value: datetime, time_zone: str) -> datetime:
    """The instant on the clinic's clock."""
    return value.astimezone(ZoneInfo(time_zone))


def upper_first(words: str) -> str:
    """The first letter in upper case and the rest as it is: Jinja's `capitalize` writes "nov"."""
    return words[:1].upper() + words[1:]


def tel(phone: str) -> str:
    """A phone number as a `tel:` address takes it: digits, and a leading plus."""
    return ("+" if phone.strip().startswith("+") else "") + "".join(each for each in phone if each.isdigit())


STATIC = Path(__file__).parent / "static"


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a static file, with its content's hash: it may be cached for ever."""
    return url_for("static", filename=name, v=_version(name))
