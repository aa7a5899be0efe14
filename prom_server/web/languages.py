"""The language of the page: the patient's, else the tablet's, else the browser's; staff read English.

Translations are read from their .po files, once per process and language: there is nothing to compile.
"""

from functools import cache
from io import BytesIO
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request, session
from markupsafe import Markup

from prom_server.core.permissions import Action, ClinicFacts
from prom_server.core.preferences import LANGUAGES
from prom_server.resources import directory
from prom_server.web import guard

SOURCE = LANGUAGES[0]  # the language of the templates themselves
STAFF = {"auth", "clinic", "admin"}


def install(app: Flask) -> None:
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it at run time
        gettext, lambda one, many, number: _catalogue(current()).ngettext(one, many, number), newstyle=True
    )
    app.jinja_env.globals.update(in_other_language=in_other_language, is_foreign=is_foreign)
    app.jinja_env.filters.update(translated=gettext, language_name=language_name, hours=hours, own_help=own_help)
    app.jinja_env.tests.update(foreign=is_foreign)
    app.before_request(_settle)


def current() -> str:
    """The language of this request's page; English where there is none."""
    if not has_request_context():
        return SOURCE
    if "language" not in g:
        g.language = _asked_for()
    return str(g.language)


def direction() -> str:
    """ltr or rtl."""
    return Locale.parse(current()).text_direction


def gettext(words: str) -> str:
    """In the language of the page; also for words that are no template's, such as a questionnaire's headings."""
    return _catalogue(current()).gettext(words)


def language_name(code: str) -> str:
    """Spanish, español: as the page says it."""
    return str(Locale.parse(code, sep="-").get_display_name(current()))


def hours(clinic: ClinicFacts) -> str:
    """When the clinic reads and calls; in its English, and marked so, where it has said no other."""
    said = clinic.words_in(current()).hours
    if said or current() == SOURCE:
        return said or clinic.hours
    return Markup('<span lang="{}">{}</span>').format(SOURCE, clinic.hours)


def own_help(clinic: ClinicFacts) -> str | None:
    """The clinic's own words for the help page, in the language of the page."""
    return clinic.words_in(current()).help


def in_other_language(code: str) -> str:
    """The `lang` attribute of wording in another language than the page's: a screen reader changes its voice."""
    return "" if code == current() else Markup(' lang="{}"').format(code)


def is_foreign(code: str) -> bool:
    """Whether who reads the page needs to be told that this wording is in another language."""
    return code.partition("-")[0] != current().partition("-")[0]


def _settle() -> None:
    """Before anything ends the session: its last page still speaks the patient's language."""
    current()


def _asked_for() -> str:
    if is_staffs():
        return SOURCE
    chosen = session.get("display", {}).get("language")
    tablet: Any = g.get("device_language") or session.get("device_language")
    for language in (chosen, tablet):
        if language in LANGUAGES:
            return str(language)
    return request.accept_languages.best_match(LANGUAGES, SOURCE) or SOURCE


def is_staffs() -> bool:
    if request.endpoint is None:
        return "staff" in session
    return request.blueprint in STAFF or isinstance(guard.RULES.get(request.endpoint), Action)


@cache
def _catalogue(language: str) -> NullTranslations:
    if language == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with (directory("translations") / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)
