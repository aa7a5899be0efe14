"""What staff read about an instrument: built from the definition alone."""

from dataclasses import replace
from decimal import Decimal

import pytest

from prom_server.core import catalogue
from prom_server.core.catalogue import Need
from prom_server.core.rules import CompositeRule, TableRule
from prom_server.definitions.library import Library

LIBRARY = Library.shipped()
ALL = LIBRARY.instruments()


@pytest.mark.parametrize(
    ("instrument", "permitted", "expected"),
    [
        ("phq-9", (), ()),
        ("promis-29", (), (Need.PERMISSION,)),
        ("promis-29", ("promis",), ()),
        ("promis-29", ("phq",), (Need.PERMISSION,)),
        ("pcs", ("pcs",), (Need.WORDING,)),
        ("promis-self-efficacy-symptoms-4a", (), (Need.PERMISSION, Need.WORDING, Need.TABLE)),
        ("promis-self-efficacy-symptoms-4a", ("promis",), (Need.WORDING, Need.TABLE)),
    ],
)
def test_what_a_clinic_still_has_to_bring(instrument: str, permitted: tuple[str, ...], expected: tuple[Need, ...]):
    assert catalogue.needs(LIBRARY.get(instrument), permitted) == expected


def test_the_list_holds_every_instrument_once_by_family() -> None:
    families = catalogue.families(ALL, ())
    assert [family.id for family in families] == sorted({each.licence.family for each in ALL})
    assert sorted(line.id for family in families for line in family.lines) == [each.id for each in ALL]


def test_a_search_needs_every_word_in_any_case() -> None:
    def found(words: str) -> list[str]:
        return [line.id for family in catalogue.families(ALL, (), words) for line in family.lines]

    assert found("ANXIETY 4a") == ["promis-anxiety-4a"]
    assert "promis-29" in found("anxiety")  # one of its scales
    assert found("anxiety zebra") == []


def test_an_adaptive_instrument_says_how_many_it_asks() -> None:
    line = catalogue.line(LIBRARY.get("promis-depression-cat"), ())
    assert (line.least, line.most, line.items) == (4, 12, 28)
    assert catalogue.line(LIBRARY.get("phq-9"), ()).most is None


@pytest.mark.parametrize("instrument", ALL, ids=lambda each: each.id)
def test_every_item_is_on_the_page_once_in_order(instrument) -> None:
    groups = catalogue.item_groups(instrument)
    assert [line.item for group in groups for line in group.lines] == list(instrument.items)
    assert [line.number for group in groups for line in group.lines] == list(range(1, len(instrument.items) + 1))
    for group in groups:
        for line in group.lines:
            assert (line.item.options, line.item.context, line.item.recode) == (
                group.options,
                group.context,
                group.recode,
            )
            assert bool(line.scales) is line.item.scored or instrument.id == "promis-global-health"


def test_reversed_and_recoded_items_are_marked() -> None:
    (walking,) = catalogue.item_groups(LIBRARY.get("promis-physical-function-4a"))
    assert walking.reversed
    assert not any(group.reversed for group in catalogue.item_groups(LIBRARY.get("phq-9")))
    recoded = [group for group in catalogue.item_groups(LIBRARY.get("promis-global-health")) if group.recode]
    assert [line.item.id for group in recoded for line in group.lines] == ["Global07r"]


def test_the_whole_table_is_shown_and_a_supplied_one_is_empty() -> None:
    depression = LIBRARY.get("promis-depression-4a")
    (view,) = catalogue.page(depression, [depression]).scales
    assert isinstance(view.scale.rule, TableRule)
    assert [raw for raw, _row in view.rows] == list(range(4, 21))
    assert dict(view.rows) == view.scale.rule.rows
    assert view.raw == (4, 20)
    supplied = LIBRARY.get("promis-self-efficacy-symptoms-4a")
    assert catalogue.page(supplied, [supplied]).scales[0].rows == ()


def test_a_composite_names_its_weights() -> None:
    promis = LIBRARY.get("promis-29")
    views = catalogue.page(promis, [promis]).scales
    (mental,) = [view for view in views if view.scale.id == "mhs"]
    assert isinstance(mental.scale.rule, CompositeRule)
    assert mental.weights[1].weight == Decimal("-0.154")
    assert mental.weights[1].parts[0] == ("Pain intensity", Decimal("2.31"), Decimal("2.34"))


def test_an_old_revision_knows_the_newest() -> None:
    first = LIBRARY.get("phq-9")
    second = replace(first, revision=2, changes="A comma.", content_hash="f" * 64)
    page = catalogue.page(first, [first, second])
    assert page.newest == 2
    assert [(each.revision, each.changes) for each in page.revisions] == [(2, "A comma."), (1, None)]
    assert page.revisions[0].content_hash == "f" * 64
    assert page.published is first
