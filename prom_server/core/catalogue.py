"""What staff read about an instrument: its page, its line in the list, its docs page. Built purely from definitions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from prom_server.core.instrument import Instrument, Item, Option, Scale
from prom_server.core.rules import AdaptiveRule, CompositeRule, MeanRule, RatingRule, Row, SumRule, TableRule
from prom_server.core.visit import minutes

_KINDS = {
    SumRule: "sum",
    MeanRule: "mean",
    TableRule: "table",
    RatingRule: "rating",
    CompositeRule: "composite",
    AdaptiveRule: "adaptive",
}


class Need(StrEnum):
    """What a clinic still has to bring before it may use an instrument, or before it is scored."""

    PERMISSION = "permission"  # the holder's permission is not recorded
    WORDING = "wording"  # the wording comes from a supplement, and there is none
    TABLE = "table"  # a table that is not public comes from a supplement, and there is none


def needs(instrument: Instrument, permitted: Collection[str]) -> tuple[Need, ...]:
    """Of an instrument with the clinic's supplement; `permitted` are the families with a recorded permission."""
    licence = instrument.licence
    found = {
        Need.PERMISSION: licence.needs_permission and licence.family not in permitted,
        Need.WORDING: not instrument.has_wording,
        Need.TABLE: not instrument.has_tables,
    }
    return tuple(need for need, missing in found.items() if missing)


# ---- The list


@dataclass(frozen=True, slots=True)
class Line:
    id: str
    name: str
    short: str
    revision: int
    items: int
    least: int | None  # of an adaptive instrument: it asks `least` to `most` of its items
    most: int | None
    minutes: int
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """What one licence covers."""

    id: str
    lines: tuple[Line, ...]


def line(instrument: Instrument, permitted: Collection[str]) -> Line:
    rule = instrument.adaptive
    return Line(
        id=instrument.id,
        name=instrument.name,
        short=instrument.short,
        revision=instrument.revision,
        items=len(instrument.items),
        least=rule.least if rule else None,
        most=rule.most if rule else None,
        minutes=minutes(instrument.seconds),
        needs=needs(instrument, permitted),
    )


def families(instruments: Iterable[Instrument], permitted: Collection[str], words: str = "") -> tuple[Family, ...]:
    """By family, then by id; only those in which every one of `words` occurs."""
    found = sorted((each for each in instruments if _speaks_of(each, words)), key=lambda each: each.licence.family)
    return tuple(
        Family(family, tuple(line(each, permitted) for each in sorted(members, key=lambda each: each.id)))
        for family, members in groupby(found, key=lambda each: each.licence.family)
    )


def _speaks_of(instrument: Instrument, words: str) -> bool:
    scales = " ".join(scale.name for scale in instrument.scales)
    text = f"{instrument.id} {instrument.name} {instrument.short} {scales} {instrument.purpose or ''}".casefold()
    return all(word in text for word in words.casefold().split())


# ---- One instrument


@dataclass(frozen=True, slots=True)
class ItemLine:
    number: int
    item: Item
    scales: tuple[str, ...]  # the short names of those that it enters directly


@dataclass(frozen=True, slots=True)
class ItemGroup:
    """Items that follow one another in one section and share their stem and their options."""

    title: str
    context: str | None
    options: tuple[Option, ...]
    reversed: bool  # the values fall: the option that comes first counts most
    recode: Mapping[int, int] | None
    lines: tuple[ItemLine, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """One part of a composite."""

    weight: Decimal
    parts: tuple[tuple[str, Decimal, Decimal], ...]  # the scale's name, mean and SD


@dataclass(frozen=True, slots=True)
class ScaleView:
    scale: Scale
    kind: str  # which words explain its rule
    raw: tuple[int, int]  # the lowest and the highest sum of its items' points
    rows: tuple[tuple[int, Row], ...]  # the table, by rising sum
    weights: tuple[Weight, ...]

    @property
    def has_errors(self) -> bool:
        """Whether its scores have a standard error: a table may be public without."""
        return self.kind == "adaptive" or any(row.se is not None for _, row in self.rows)


@dataclass(frozen=True, slots=True)
class Revision:
    revision: int
    changes: str | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class Supplied:
    """What the clinic itself brought, from where, and who entered it when."""

    language: str
    source: str
    date: date
    entered_by: str
    wording: bool
    tables: tuple[str, ...]  # scales


@dataclass(frozen=True, slots=True)
class Page:
    instrument: Instrument  # with the clinic's supplement
    published: Instrument  # the same revision without
    minutes: int
    needs: tuple[Need, ...]
    newest: int  # revision
    groups: tuple[ItemGroup, ...]
    scales: tuple[ScaleView, ...]
    revisions: tuple[Revision, ...]  # newest first
    supplied: tuple[Supplied, ...]


def page(
    instrument: Instrument,
    revisions: Iterable[Instrument],
    permitted: Collection[str] = (),
    supplied: tuple[Supplied, ...] = (),
) -> Page:
    """`revisions` are all that are published, the shown one among them."""
    published = {each.revision: each for each in revisions}
    known = tuple(Revision(n, published[n].changes, published[n].content_hash) for n in sorted(published, reverse=True))
    return Page(
        instrument=instrument,
        published=published[instrument.revision],
        minutes=minutes(instrument.seconds),
        needs=needs(instrument, permitted),
        newest=known[0].revision,
        groups=item_groups(instrument),
        scales=tuple(scale_view(instrument, scale) for scale in instrument.scales),
        revisions=known,
        supplied=supplied,
    )


def item_groups(instrument: Instrument) -> tuple[ItemGroup, ...]:
    numbered = enumerate(instrument.items, 1)
    grouped = groupby(numbered, key=lambda pair: (pair[1].section, pair[1].context, pair[1].options, pair[1].recode))
    return tuple(
        ItemGroup(
            title=instrument.section_by_id[section].title,
            context=context,
            options=options,
            reversed=options[0].value > options[-1].value,
            recode=recode,
            lines=tuple(ItemLine(number, item, _entered(instrument, item)) for number, item in members),
        )
        for (section, context, options, recode), members in grouped
    )


def _entered(instrument: Instrument, item: Item) -> tuple[str, ...]:
    return tuple(
        scale.short
        for scale in instrument.scales
        if item.id in scale.items and not isinstance(scale.rule, CompositeRule)
    )


def scale_view(instrument: Instrument, scale: Scale) -> ScaleView:
    items = [instrument.item_by_id[item] for item in scale.items]
    rule = scale.rule
    return ScaleView(
        scale=scale,
        kind=_KINDS[type(rule)],
        raw=(sum(item.lowest for item in items), sum(item.highest for item in items)),
        rows=tuple(sorted(rule.rows.items())) if isinstance(rule, TableRule) else (),
        weights=_weights(instrument, rule) if isinstance(rule, CompositeRule) else (),
    )


def _weights(instrument: Instrument, rule: CompositeRule) -> tuple[Weight, ...]:
    names = {scale.id: scale.name for scale in instrument.scales}
    return tuple(
        Weight(term.weight, tuple((names[part.scale], part.mean, part.sd) for part in term.mean_of))
        for term in rule.terms
    )
