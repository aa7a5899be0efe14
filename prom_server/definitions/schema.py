"""The shapes of a definition file: which keys it has and what each may hold. What they mean is in `core.instrument`."""

from typing import Any

from marshmallow import fields, post_load, validate

from prom_server.core.instrument import (
    Band,
    Better,
    CompositeRule,
    ItemAlert,
    Licence,
    LicenceKind,
    Metric,
    MinimalDetectableChange,
    Option,
    Part,
    RatingRule,
    Row,
    Screening,
    ScreeningRule,
    SumRule,
    TableRule,
    Term,
    Threshold,
)
from prom_server.core.schedule import Anchor, TimePoint
from prom_server.core.scoring import Reason, Status
from prom_server.core.screening import INDETERMINATE
from prom_server.definitions.fields import (
    Flag,
    Kinds,
    Number,
    Shape,
    Text,
    Whole,
    ident,
    item_id,
    listed,
    nested,
    one_of,
)


class OptionShape(Shape):
    makes = Option
    value = Whole(required=True)
    label = Text(required=True)
    loinc = Text()


class ItemShape(Shape):
    id = item_id(required=True)
    text = Text(allow_none=True, load_default=None)
    options = ident()  # the name of a list; the section's own where absent
    context = Text(allow_none=True)  # the section's own where absent; null: none
    scored = Flag()
    short = Text()
    loinc = Text()
    shown_if_any_above = Whole()
    placeholder = Text()


class SectionShape(Shape):
    id = ident(required=True)
    title = Text(required=True)
    context = Text(load_default=None)
    options = ident(load_default=None)
    items = listed(nested(ItemShape), required=True)


class SumShape(Shape):
    makes = SumRule
    max_missing = Whole(required=True, validate=validate.Range(min=0, error="is below 0"))
    source = Text(required=True)


class TableShape(Shape):
    source = Text(required=True)
    rows = fields.Dict(  # raw sum: [T-score, standard error], the error may be null
        keys=fields.Integer(error_messages={"invalid": "is not a raw sum"}),
        values=fields.Tuple(
            (Number(required=True), Number(allow_none=True)), error_messages={"invalid": "is not [T, SE]"}
        ),
        required=True,
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> TableRule:
        return TableRule(rows={raw: Row(*row) for raw, row in data["rows"].items()}, source=data["source"])


class RatingShape(Shape):
    makes = RatingRule


class PartShape(Shape):
    makes = Part
    scale = ident(required=True)
    mean = Number(required=True)
    sd = Number(required=True)


class TermShape(Shape):
    makes = Term
    weight = Number(required=True)
    mean_of = listed(nested(PartShape), required=True)


class CompositeShape(Shape):
    makes = CompositeRule
    source = Text(required=True)
    terms = listed(nested(TermShape), required=True)


RULES = {"sum": SumShape, "table": TableShape, "rating": RatingShape, "composite": CompositeShape}


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
    axis = fields.Tuple((Number(), Number()), required=True, error_messages={"required": "is missing"})
    ticks = listed(Number(), required=True)
    bands = nested(BandsShape)
    threshold = nested(ThresholdShape, load_default=None)
    error = nested(ErrorShape, load_default=None)
    loinc = Text(load_default=None)


class AlertShape(Shape):
    makes = ItemAlert
    rule = ident(required=True)
    item = item_id(required=True)
    at_least = Whole(required=True)
    unanswered_rule = ident(required=True)
    topic = Text(required=True)
    beside = listed(item_id(), least=0, required=True)


class ScreeningRuleShape(Shape):
    makes = ScreeningRule
    id = ident(required=True)
    least = Whole(required=True)
    most = Whole(required=True)


class ScreeningShape(Shape):
    makes = Screening
    positive_from = Whole(required=True)
    positive_from_of = fields.Dict(keys=item_id(), values=Whole(), load_default=dict)
    core = listed(item_id(), required=True)
    rules = listed(nested(ScreeningRuleShape), required=True)
    source = Text(required=True)


class LicenceShape(Shape):
    makes = Licence
    kind = one_of(LicenceKind)
    holder = Text(required=True)
    notice = Text(required=True)
    family = ident(required=True)


class ExpectShape(Shape):
    """What a worked example says of one scale: as much as it likes, but the status and the value always."""

    status = Text(required=True, validate=validate.OneOf(list(Status), error="is no status"))
    value = Number(required=True, allow_none=True)
    raw = Whole(allow_none=True)
    se = Number(allow_none=True)
    band = Text(allow_none=True)
    answered = Whole()
    reason = Text(allow_none=True, validate=validate.OneOf([*Reason, None], error="is no reason"))


class CheckShape(Shape):
    name = Text(required=True)
    answers = listed(Whole(allow_none=True), required=True)
    expect = fields.Dict(keys=ident(), values=nested(ExpectShape), required=True)
    alerts = listed(ident(), least=0, load_default=())
    screening = fields.Dict(
        keys=ident(),
        values=fields.Raw(validate=validate.OneOf([True, False, INDETERMINATE], error="is not true, false or so")),
        load_default=dict,
    )


class InstrumentShape(Shape):
    instrument = ident(required=True)
    revision = Whole(required=True, validate=validate.Range(min=1, error="is below 1"))
    name = Text(required=True)
    short = Text(required=True)
    publisher_version = Text(required=True)
    recall = Text(required=True)
    seconds = Whole(required=True, validate=validate.Range(min=1, error="is below 1"))
    loinc = Text(load_default=None)
    licence = nested(LicenceShape, required=True)
    citation = Text(required=True)
    sources = listed(Text(), required=True)
    notes = listed(Text(), load_default=())
    options = fields.Dict(keys=ident(), values=listed(nested(OptionShape), least=2), required=True)
    sections = listed(nested(SectionShape), required=True)
    scales = listed(nested(ScaleShape), required=True)
    alerts = listed(nested(AlertShape), load_default=())
    screening = nested(ScreeningShape, load_default=None)
    check = listed(nested(CheckShape), required=True)


class TimePointShape(Shape):
    makes = TimePoint
    id = ident(required=True)
    name = Text(required=True)
    short = Text(required=True)
    anchor = one_of(Anchor)
    opens = Whole(required=True)
    due = Whole(required=True)
    overdue = Whole(required=True)
    closes = Whole(required=True)
    closes_at_first_infusion = Flag()


class ProtocolShape(Shape):
    protocol = ident(required=True)
    revision = Whole(required=True, validate=validate.Range(min=1, error="is below 1"))
    name = Text(required=True)
    planned_infusions = Whole(required=True, validate=validate.Range(min=1, error="is below 1"))
    source = Text(required=True)
    battery = listed(ident(), required=True)
    time_points = listed(nested(TimePointShape), required=True)


class SupplementShape(Shape):
    supplement = ident(required=True)
    revision = Whole(required=True)
    source = Text(required=True)
    date = Text(required=True)
    entered_by = Text(required=True)
    context = Text(load_default=None)
    items = fields.Dict(keys=item_id(), values=Text(), required=True)
