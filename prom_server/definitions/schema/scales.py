"""Scales: their rules, bands, cut-off, threshold and error. Every clinical number has a source beside it."""

from typing import Any

from marshmallow import ValidationError, post_load, validate

from prom_server.core.instrument import Band, Better, Cutoff, Metric, MinimalDetectableChange, Threshold
from prom_server.core.rules import (
    AdaptiveRule,
    CompositeRule,
    MeanRule,
    Part,
    PatternRule,
    RatingRule,
    Row,
    SumRule,
    TableRule,
    Term,
)
from prom_server.definitions.fields import (
    Flag,
    Kinds,
    Number,
    Shape,
    Text,
    Whole,
    WholeKey,
    ident,
    item_id,
    listed,
    mapping,
    nested,
    one_of,
    pair,
    positive,
)


class SumShape(Shape):
    makes = SumRule
    max_missing = Whole(required=True, validate=validate.Range(min=0, error="is below 0"))
    source = Text(required=True)


class MeanShape(Shape):
    makes = MeanRule
    source = Text(required=True)


class PatternShape(Shape):
    makes = PatternRule
    least = positive(required=True)
    source = Text(required=True)


class TableShape(Shape):
    """With rows, or `supplied`: then they come with the clinic's supplement."""

    source = Text(required=True)
    supplied = Flag(load_default=False)
    pattern = nested(PatternShape, load_default=None)
    rows = mapping(  # raw sum: [T-score, standard error], the error may be null
        WholeKey("is not a raw sum"),
        pair(Number(required=True), Number(allow_none=True), "is not [T, SE]"),
        load_default=dict,
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> TableRule:
        if bool(data["rows"]) is data["supplied"]:
            raise ValidationError("needs either its rows or `supplied: true`", "rows")
        rows = {raw: Row(*row) for raw, row in data["rows"].items()}
        return TableRule(rows=rows, source=data["source"], pattern=data["pattern"])


class AdaptiveShape(Shape):
    makes = AdaptiveRule
    least = positive(required=True)
    most = positive(required=True)
    se_below = Number(required=True)
    most_skipped = positive(required=True)
    source = Text(required=True)


class RatingShape(Shape):
    makes = RatingRule


class PartShape(Shape):
    makes = Part
    scale = ident(required=True)
    mean = Number(required=True)
    sd = Number(required=True, validate=validate.Range(min=0, min_inclusive=False, error="is not above 0"))


class TermShape(Shape):
    makes = Term
    weight = Number(required=True)
    mean_of = listed(nested(PartShape), required=True)


class CompositeShape(Shape):
    makes = CompositeRule
    source = Text(required=True)
    terms = listed(nested(TermShape), required=True)


RULES = {
    "sum": SumShape,
    "mean": MeanShape,
    "table": TableShape,
    "rating": RatingShape,
    "composite": CompositeShape,
    "adaptive": AdaptiveShape,
}


class BandShape(Shape):
    makes = Band
    low = Number(required=True, data_key="from")
    high = Number(required=True, data_key="to")
    label = Text(required=True)
    severity = Whole(required=True, validate=validate.Range(0, 4, error="is not 0 to 4"))


class BandsShape(Shape):
    source = Text(required=True)
    rows = listed(nested(BandShape), required=True, least=2)


class ThresholdShape(Shape):
    makes = Threshold
    value = Number(required=True)
    cite = Text(required=True)
    source = Text(required=True)


class CutoffShape(Shape):
    makes = Cutoff
    value = Number(required=True)
    source = Text(required=True)


class ErrorShape(Shape):
    makes = MinimalDetectableChange
    value = Number(required=True)
    source = Text(required=True)


class ScaleShape(Shape):
    id = ident(required=True)
    name = Text(required=True)
    short = Text(required=True)
    metric = one_of(Metric)
    better = one_of(Better)
    items = listed(item_id(), load_default=())  # of a composite: those beneath its parts
    rule = Kinds(RULES, required=True)
    axis = pair(Number(), Number(), "is not [lowest, highest]", required=True)
    ticks = listed(Number(), required=True)
    bands = nested(BandsShape)
    cutoff = nested(CutoffShape, load_default=None)
    threshold = nested(ThresholdShape, load_default=None)
    error = nested(ErrorShape, load_default=None)
    loinc = Text(load_default=None)
