"""Random answers to every shipped instrument score the same in two programs that share no code.

`bin/bench agreement` does the same with many more.
"""

from functools import cache

import pytest

from prom_server.definitions.library import Library
from tests.support.agreement import differences
from tests.support.independent import Answers, Form, Found, forms, score
from tests.support.random_answers import many_answers

PATTERNS = 1000
LIBRARY = Library.shipped()
FORMS = forms()


@cache
def patterns(form: Form) -> list[Answers]:
    return list(many_answers(form, "test", PATTERNS))


def named(form: Form) -> str:
    return f"{form.id}.v{form.revision}"


def test_every_revision_is_held_against_it() -> None:
    instruments = LIBRARY.instruments()
    shipped = {(of.id, revision) for of in instruments for revision in LIBRARY.revisions(of.id)}
    assert {(form.id, form.revision) for form in FORMS} == shipped
    assert len(FORMS) == len(shipped)


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_both_programs_agree(form: Form) -> None:
    instrument = LIBRARY.get(form.id, form.revision)
    for answers in patterns(form):
        assert list(differences(instrument, form, answers)) == []


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_the_answers_reach_whatever_a_scale_can_come_to(form: Form) -> None:
    """Or the agreement would say less than it seems to."""
    found: list[Found] = []
    for answers in patterns(form):
        found += score(form, answers).values()
    rules = [scale["rule"] for scale in form.scales]
    possible = {"not_scorable"}
    possible |= {"scored"} if any(not rule.get("supplied") for rule in rules) else set()
    possible |= {"prorated"} if any(rule.get("max_missing") for rule in rules) else set()
    possible |= {"pattern"} if any("pattern" in rule or rule["kind"] == "adaptive" for rule in rules) else set()
    assert {of.status for of in found} == possible
    bands = {row["label"] for scale in form.scales for row in scale.get("bands", {"rows": []})["rows"]}
    assert {of.band for of in found} - {None} == bands
