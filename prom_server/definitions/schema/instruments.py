"""The shape of an instrument file."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from prom_server.core.instrument import (
    ItemAlert,
    Licence,
    LicenceKind,
    Option,
    Parameters,
    ScoreAlert,
    Screening,
    ScreeningRule,
)
from prom_server.core.scoring import Reason, Status
from prom_server.core.screening import INDETERMINATE
from prom_server.definitions.fields import (
    Answers,
    Flag,
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
    positive,
    sha256_hex,
)
from prom_server.definitions.schema.scales import ScaleShape


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
    recode = mapping(WholeKey("is no option's value"), Whole())


class SectionShape(Shape):
    id = ident(required=True)
    title = Text(required=True)
    context = Text(load_default=None)
    options = ident(load_default=None)
    items = listed(nested(ItemShape), required=True)


class AlertShape(Shape):
    makes = ItemAlert
    rule = ident(required=True)
    item = item_id(required=True)
    at_least = Whole(required=True)
    unanswered_rule = ident(required=True)
    topic = Text(required=True)
    beside = listed(item_id(), least=0, required=True)


class ScoreLimitShape(Shape):
    scale = ident(required=True)
    at_least = Number()
    at_most = Number()


class BandLimitShape(Shape):
    scale = ident(required=True)
    at_least = Text()  # a band, by its label
    at_least_severity = Whole(validate=validate.Range(0, 4, error="is not 0 to 4"))


class ScoreAlertShape(Shape):
    """On a scale: exactly one limit, of its score or of its band."""

    rule = ident(required=True)
    topic = Text(required=True)
    source = Text(required=True)
    score = nested(ScoreLimitShape)
    band = nested(BandLimitShape)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> ScoreAlert:
        score, band = data.pop("score", {}), data.pop("band", {})
        names = {"at_least": "band", "at_least_severity": "severity"}
        limits = dict(score) | {names.get(key, key): value for key, value in band.items()}
        if bool(score) is bool(band) or len(limits) != 2:
            raise ValidationError("needs one limit: `score` or `band`, with its scale and one of at_least and the like")
        return ScoreAlert(**data, **limits)


class AnyAlert(fields.Field[object]):
    """A rule on an item, or on a scale."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> object:
        on_scale = isinstance(value, dict) and "item" not in value
        return (ScoreAlertShape if on_scale else AlertShape)().load(value)


class ScreeningRuleShape(Shape):
    makes = ScreeningRule
    id = ident(required=True)
    least = Whole(required=True)
    most = Whole(required=True)


class ScreeningShape(Shape):
    makes = Screening
    positive_from = Whole(required=True)
    positive_from_of = mapping(item_id(), Whole(), load_default=dict)
    core = listed(item_id(), required=True)
    rules = listed(nested(ScreeningRuleShape), required=True)
    source = Text(required=True)


class LicenceShape(Shape):
    makes = Licence
    kind = one_of(LicenceKind)
    holder = Text(required=True)
    notice = Text(required=True)
    family = ident(required=True)


class ParametersShape(Shape):
    makes = Parameters
    bank = ident(required=True)
    revision = positive(required=True)
    sha256 = sha256_hex(required=True)


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
    answers = Answers(required=True)  # a list, or of an adaptive instrument a mapping
    expect = mapping(ident(), nested(ExpectShape), required=True)
    alerts = listed(ident(), least=0, load_default=())
    screening = mapping(
        ident(),
        fields.Raw(validate=validate.OneOf([True, False, INDETERMINATE], error="is not true, false or so")),
        load_default=dict,
    )


class InstrumentShape(Shape):
    instrument = ident(required=True)
    revision = positive(required=True)
    name = Text(required=True)
    short = Text(required=True)
    publisher_version = Text(required=True)
    recall = Text(required=True)
    seconds = positive(required=True)
    loinc = Text(load_default=None)
    purpose = Text(load_default=None)
    changes = Text(load_default=None)
    beside = ident(load_default=None)
    licence = nested(LicenceShape, required=True)
    citation = Text(required=True)
    sources = listed(Text(), required=True)
    notes = listed(Text(), load_default=())
    parameters = nested(ParametersShape, load_default=None)
    options = mapping(ident(), listed(nested(OptionShape), least=2), required=True)
    sections = listed(nested(SectionShape), required=True)
    scales = listed(nested(ScaleShape), required=True)
    alerts = listed(AnyAlert(), load_default=())
    screening = nested(ScreeningShape, load_default=None)
    check = listed(nested(CheckShape), required=True)
