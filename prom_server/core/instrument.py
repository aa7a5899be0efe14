"""What an instrument is: items, options, scales, and how each scale is computed.

An `Instrument` is data, read from one YAML file (`prom_server.definitions`). From it come the patient's page, the
score, the chart's axis and the documentation, so nothing here knows any particular instrument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from prom_server.core.irt import Graded, ItemBank, item_bank
from prom_server.core.rules import AdaptiveRule, CompositeRule, ScoringRule, TableRule


class Metric(StrEnum):
    """What the value of a score is."""

    SUM = "sum"  # a raw sum, an integer
    T = "T"  # a T-score: mean 50, SD 10 in the reference population, in tenths
    RATING = "rating"  # one item's own value, an integer
    MEAN = "mean"  # the mean of the items, in tenths

    @property
    def decimals(self) -> int:
        """How many a value has."""
        return 1 if self in {Metric.T, Metric.MEAN} else 0


class Better(StrEnum):
    """Which way a scale improves. Required of every scale, never inferred."""

    LOWER = "lower"
    HIGHER = "higher"


class LicenceKind(StrEnum):
    FREE = "free"  # may be used by anyone, under its notice
    PERMISSION = "permission"  # an administrator records the holder's permission first
    SUPPLEMENT = "supplement"  # the wording is licensed and comes from the clinic's own supplement


@dataclass(frozen=True, slots=True)
class Option:
    """One response option. `value` is what is stored and summed, already reversed where the scoring reverses it."""

    value: int
    label: str
    loinc: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One question, with the publisher's wording. `text` is None where the wording is licensed and not shipped."""

    id: str
    text: str | None
    options: tuple[Option, ...]
    section: str
    context: str | None = None  # stem or recall period, shown above the text
    scored: bool = True
    short: str | None = None  # a shortened name, for staff only
    loinc: str | None = None
    shown_if_any_above: int | None = None  # shown only if any scored item is above this value
    placeholder: str | None = None  # a neutral line for the demo clinic where `text` is None
    recode: Mapping[int, int] | None = None  # option value -> points, where they differ (a 0 to 10 rating as 5 to 1)
    option_list: str = ""  # the name of its options in the file
    graded: Graded | None = None  # parameters of the item bank, where the instrument names one

    def option(self, value: int) -> Option | None:
        return next((option for option in self.options if option.value == value), None)

    def points(self, value: int) -> int:
        """What an option's value counts in a scale."""
        return value if self.recode is None else self.recode[value]

    @property
    def lowest(self) -> int:
        return min(self.points(option.value) for option in self.options)

    @property
    def highest(self) -> int:
        return max(self.points(option.value) for option in self.options)


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a heading in plain words, as a patient reads it ("Tiredness"). Never a publisher's term."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of a scale, both edges included, in the scale's own steps (1, or 0.1 for T-scores)."""

    low: Decimal
    high: Decimal
    label: str
    severity: int  # 0 (least) to 4 (most severe): the tint, never the only sign


@dataclass(frozen=True, slots=True)
class Threshold:
    """The smallest change that matters to a group of patients (MCID), with its source as printed beside it."""

    value: Decimal
    cite: str  # short, as in a chart's sentence: "Chen 2018"
    source: str  # whole, as in the list of sources


@dataclass(frozen=True, slots=True)
class Cutoff:
    """The published value from which a screening score counts as positive. A band begins there."""

    value: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class MinimalDetectableChange:
    """A published measurement error of a change, where there is no standard error per score."""

    value: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Scale:
    """What is computed from answers. `items` are ids; for a composite, all items below its parts."""

    id: str
    name: str
    short: str
    metric: Metric
    better: Better
    items: tuple[str, ...]
    rule: ScoringRule
    low: Decimal  # the lowest and the highest value it can take
    high: Decimal
    axis: tuple[Decimal, Decimal]  # what a chart shows
    ticks: tuple[Decimal, ...]
    bands: tuple[Band, ...] = ()
    bands_source: str | None = None
    threshold: Threshold | None = None
    error: MinimalDetectableChange | None = None
    cutoff: Cutoff | None = None
    loinc: str | None = None

    @property
    def step(self) -> Decimal:
        """The smallest difference between two values."""
        return Decimal("0.1") if self.metric.decimals else Decimal(1)

    def band(self, value: Decimal) -> Band | None:
        for band in self.bands:
            if band.low <= value <= band.high:
                return band
        return None


class Level(StrEnum):
    ALERT = "alert"  # a person must look now
    FLAG = "flag"  # a person should ask at the next contact


@dataclass(frozen=True, slots=True)
class ItemAlert:
    """A rule on one item: an alert from `at_least` on, a flag when it was not answered."""

    rule: str  # "item-9"
    item: str
    at_least: int
    unanswered_rule: str  # "item-9-not-answered"
    topic: str  # what staff read: "Thoughts of self-harm"
    beside: tuple[str, ...]  # items shown with the flag, because they speak to the same risk


@dataclass(frozen=True, slots=True)
class ScoreAlert:
    """A rule on one scale, judged at the submission: on its score, or on its band. One of the limits is there."""

    rule: str  # "total-20"
    scale: str
    topic: str  # what staff read: "Severe depression score"
    source: str  # of the limit; a decision of this project says so
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    severity: int | None = None  # from a band of this severity on
    band: str | None = None  # from the band with this label on


@dataclass(frozen=True, slots=True)
class ScreeningRule:
    """Positive when one of `core` is positive and the number of positive items lies in [`least`, `most`]."""

    id: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Screening:
    """A published screening rule over the items; never a diagnosis."""

    positive_from: int
    positive_from_of: Mapping[str, int]  # exceptions by item
    core: tuple[str, ...]
    rules: tuple[ScreeningRule, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Licence:
    kind: LicenceKind
    holder: str
    notice: str  # printed as it stands on form and report
    family: str  # what one recorded permission covers: "promis"

    @property
    def needs_permission(self) -> bool:
        """Whether an administrator records the holder's permission first: a licence is a clinic's, not a server's."""
        return self.kind is not LicenceKind.FREE


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """Answers in the order of the scored items, and what must come out, as the YAML file writes it."""

    name: str
    answers: Mapping[str, int | None]
    expect: Mapping[str, Mapping[str, object]]  # scale -> some of status, raw, value, se, band, answered
    alerts: tuple[str, ...]  # rules
    screening: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The revision of an item bank, pinned by the hash of its file, that gives the items their parameters."""

    bank: str
    revision: int
    sha256: str


@dataclass(frozen=True)
class Instrument:
    """One revision of a questionnaire, and how its answers become scores.

    `beside` is another instrument that a battery with this one must ask too, because this one touches a risk that the
    other watches.
    """

    id: str
    revision: int
    name: str
    short: str  # as in a table: "PHQ-9"
    publisher_version: str
    recall: str
    seconds: int  # honest time to answer, for "about 5 minutes"
    sections: tuple[Section, ...]
    items: tuple[Item, ...]
    scales: tuple[Scale, ...]
    licence: Licence
    citation: str
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()
    alerts: tuple[ItemAlert, ...] = ()
    score_alerts: tuple[ScoreAlert, ...] = ()
    screening: Screening | None = None
    parameters: Parameters | None = None
    beside: str | None = None
    purpose: str | None = None
    changes: str | None = None  # what this revision changed; the first one has none
    loinc: str | None = None
    checks: tuple[WorkedExample, ...] = ()
    content_hash: str = ""  # SHA-256 of the file as published
    supplement_hash: str = ""  # SHA-256 of the clinic's supplement that brought wording or tables, where one did
    language: str = "en"  # of the wording

    @cached_property
    def item_by_id(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def scale_by_id(self) -> Mapping[str, Scale]:
        return {scale.id: scale for scale in self.scales}

    @cached_property
    def section_by_id(self) -> Mapping[str, Section]:
        return {section.id: section for section in self.sections}

    @cached_property
    def scored_items(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.scored)

    @cached_property
    def required(self) -> frozenset[str]:
        """The items that every set of answers names, answered or not: none of an adaptive instrument."""
        return frozenset() if self.adaptive else frozenset(item.id for item in self.scored_items)

    @cached_property
    def points(self) -> Mapping[str, Mapping[int, int]]:
        """Item -> option value -> what it counts in a scale. Every option is a key."""
        return {item.id: {option.value: item.points(option.value) for option in item.options} for item in self.items}

    @cached_property
    def parts_first(self) -> tuple[Scale, ...]:
        """Its scales, a composite after those that it is made of."""
        return tuple(sorted(self.scales, key=lambda scale: isinstance(scale.rule, CompositeRule)))

    def alert_on(self, item_id: str) -> ItemAlert | None:
        return next((alert for alert in self.alerts if alert.item == item_id), None)

    @cached_property
    def adaptive(self) -> AdaptiveRule | None:
        """Its rule where the items are chosen one by one; such an instrument has one scale."""
        return next((scale.rule for scale in self.scales if isinstance(scale.rule, AdaptiveRule)), None)

    @cached_property
    def bank(self) -> ItemBank:
        """The items that carry parameters, ready to score."""
        return item_bank({item.id: (item.graded, item.lowest) for item in self.items if item.graded is not None})

    @property
    def has_wording(self) -> bool:
        """False while a licensed wording has not been supplied."""
        return all(item.text is not None for item in self.items)

    @property
    def has_tables(self) -> bool:
        """False while a table that is not public has not been supplied."""
        return all(scale.rule.rows for scale in self.scales if isinstance(scale.rule, TableRule))
