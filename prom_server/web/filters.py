"""What templates can say: dates, numbers, icons, addresses of static files, translated words."""

import hashlib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.support import NullTranslations
from flask import Flask, g, url_for
from jinja2 import StrictUndefined

LOCALE = "en_US"


def install(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_translations(NullTranslations(), newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.filters.update(day=day, day_short=day_short, clock_time=clock_time, local=local, tel=tel)
    app.jinja_env.globals.update(asset=asset, language="en")
    app.context_processor(_person)


def _person() -> dict[str, Any]:
    """The signed-in person and the open alerts, on every staff page; absent elsewhere."""
    return {"by": g.get("by"), "open_alerts": g.get("open_alerts")}


def day(value: date) -> str:
    """As "Tue 24 Nov 2026"."""
    return str(format_date(value, "EEE d MMM y", locale=LOCALE))


def day_short(value: date) -> str:
    """As "24 Nov"."""
    return str(format_date(value, "d MMM", locale=LOCALE))


def clock_time(value: datetime) -> str:
    """As "10:02": of an instant already turned to the clinic's time zone by `local`."""
    return str(format_time(value, "HH:mm", locale=LOCALE))


def local(value: datetime, time_zone: str) -> datetime:
    """The instant on the clinic's clock."""
    return value.astimezone(ZoneInfo(time_zone))


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
