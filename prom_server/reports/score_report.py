"""A patient's report as HTML, from the same view as the patient's page."""

import gettext
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prom_server import resources
from prom_server.core.trend_view import TrendView
from prom_server.reports import filters

UNTRANSLATED = gettext.NullTranslations()


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the head and the foot of every page say. `generated_at` is in the clinic's time zone."""

    document_id: str
    generated_at: datetime
    generated_by: str
    clinic: str
    demo: bool


def render(
    view: TrendView,
    facts: ReportFacts,
    *,
    all_charts: bool = False,
    lang: str = "en",
    translations: gettext.NullTranslations | None = None,
) -> str:
    """The whole document. Without `all_charts` the first ones; every score is in the tables either way."""
    template = environment(lang, translations or UNTRANSLATED).get_template("report/score_report.html")
    return template.render(view=view, facts=facts, all_charts=all_charts, lang=lang)


@lru_cache(maxsize=8)
def environment(lang: str, translations: gettext.NullTranslations) -> Environment:
    """As strict as the pages': an unknown name is an error, and everything is escaped."""
    made = Environment(
        loader=FileSystemLoader(resources.directory("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    # The extension adds this method to the environment at run time.
    made.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    filters.install(made, lang)
    return made
