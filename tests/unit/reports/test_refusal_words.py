"""What a refusal tells patients and staff, on one page for both."""

from prom_server.reports import score_report
from prom_server.services.pinning import DefinitionMissing


def said(event: str) -> list[str]:
    environment = score_report.environment("en", score_report.UNTRANSLATED)
    macros = environment.get_template("_macros/refusal.html").module
    return [str(getattr(macros, name)(event)).strip() for name in ("heading", "what", "do")]


def test_a_missing_definition_says_that_nothing_is_lost_and_whom_to_call() -> None:
    heading, what, do = said(DefinitionMissing.__name__)
    assert heading == "This questionnaire cannot be shown"
    assert what == "The definition of this questionnaire is missing. Nothing is lost."
    assert do == "Please call the clinic. In the clinic: ask the administrator to run “prom-server verify”."


def test_each_of_its_words_is_its_own() -> None:
    assert not set(said(DefinitionMissing.__name__)) & set(said("unknown"))
