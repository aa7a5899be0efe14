"""Published tables of the forms whose items carry parameters, computed again from those (Lord and Wingersky 1984).

The published tables come from the same model on theta from -4.5 to 4.5 in steps of 0.1.
"""

from decimal import Decimal

import numpy as np
import pytest

from prom_server.core.instrument import Item
from prom_server.core.irt import sum_score_table
from prom_server.core.rules import TableRule
from prom_server.core.scoring import tenths
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()
GRID = np.arange(-45, 46) / 10
BANKS = ("promis-depression", "promis-anxiety", "promis-fatigue")
FORMS = (
    *("promis-depression-4a", "promis-depression-6a", "promis-depression-8a", "promis-depression-8b"),
    *("promis-anxiety-4a", "promis-anxiety-6a", "promis-anxiety-8a"),
    *("promis-fatigue-4a", "promis-fatigue-6a", "promis-fatigue-7a", "promis-fatigue-8a"),
)
MISPRINTS = {("promis-depression-4a", 20): (Decimal("2.6"), Decimal("3.6"))}  # SE: printed and kept, recomputed


def in_a_bank() -> dict[str, Item]:
    """The items of the three adaptive instruments, which have all of the parameters."""
    return {item.id: item for bank in BANKS for item in LIBRARY.get(f"{bank}-cat").items}


def lookup(form: str) -> tuple[tuple[str, ...], TableRule]:
    """The items and the table of a form with one scale."""
    [scale] = LIBRARY.get(form).scales
    assert isinstance(scale.rule, TableRule)
    return scale.items, scale.rule


def test_these_are_all_of_the_forms_that_a_bank_can_recompute() -> None:
    known = in_a_bank()
    tables = [of for of in LIBRARY.instruments() if len(of.scales) == 1 and isinstance(of.scales[0].rule, TableRule)]
    assert {of.id for of in tables if all(item.id in known for item in of.items)} == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_every_cell_is_what_the_parameters_give(form: str) -> None:
    items, rule = lookup(form)
    known = in_a_bank()
    graded = [item.graded for id_ in items if (item := known[id_]).graded is not None]
    assert len(graded) == len(items)
    recomputed = sum_score_table(graded, GRID)
    assert sorted(rule.rows) == list(range(len(items), 5 * len(items) + 1))
    assert len(recomputed) == len(rule.rows)
    for raw, found in enumerate(recomputed, len(items)):
        printed, se = rule.rows[raw].se, tenths(found.t_se)
        assert tenths(found.t) == rule.rows[raw].t, raw
        assert (printed, se) == MISPRINTS.get((form, raw), (se, se)), raw


@pytest.mark.parametrize("form", [form for form in FORMS if not form.endswith("-4a")])
def test_a_form_has_the_parameters_of_its_bank(form: str) -> None:
    known = in_a_bank()
    assert [item.graded for item in LIBRARY.get(form).items] == [
        known[item.id].graded for item in LIBRARY.get(form).items
    ]


def test_how_many_cells_were_compared() -> None:
    assert sum(2 * len(lookup(form)[1].rows) for form in FORMS) == 2 * (3 * 17 + 3 * 25 + 29 + 4 * 33)
