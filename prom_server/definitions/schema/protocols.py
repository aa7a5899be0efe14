"""The shape of a protocol file."""

from typing import Any, cast

from marshmallow import ValidationError, fields, post_load

from prom_server.core.schedule import Anchor, Offset, Reminders, TimePoint
from prom_server.core.worsening import ItemRises, Margin, ProtocolAlert, Worsening
from prom_server.definitions.fields import (
    Flag,
    Messages,
    Shape,
    Text,
    Whole,
    ident,
    item_id,
    listed,
    natural,
    nested,
    one_of,
    positive,
)

_MISSING: Messages = {"required": "is missing", "null": "is empty"}


class OffsetShape(Shape):
    makes = Offset
    months = positive(required=True)
    days = Whole(load_default=0)


class OffsetField(fields.Field[Offset]):
    """A number of days, or calendar months and days: `{months: 3, days: -14}`."""

    default_error_messages = _MISSING

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Offset:
        if type(value) is int:
            return Offset(value)
        if not isinstance(value, dict):
            raise ValidationError("is neither a number of days nor {months: …, days: …}")
        return cast("Offset", OffsetShape().load(value))


class TimePointShape(Shape):
    makes = TimePoint
    id = ident(required=True)
    name = Text(required=True)
    short = Text(required=True)
    anchor = one_of(Anchor)
    opens = OffsetField(required=True)
    due = OffsetField(required=True)
    overdue = OffsetField(required=True)
    closes = OffsetField(required=True)
    closes_at_first_infusion = Flag()


class RemindersShape(Shape):
    makes = Reminders
    at_opening = Flag(required=True)
    after_due = listed(natural(), least=0, required=True)


class WorseningShape(Shape):
    instrument = ident(required=True)
    scale = ident(required=True)
    by = one_of(Margin)


class ItemRisesShape(Shape):
    instrument = ident(required=True)
    item = item_id(required=True)


class AlertShape(Shape):
    """One of the two kinds of rule, and why somebody is told."""

    source = Text(required=True)
    worsening = nested(WorseningShape)
    item_rises = nested(ItemRisesShape)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> ProtocolAlert:
        if ("worsening" in data) is ("item_rises" in data):
            raise ValidationError("needs either `worsening` or `item_rises`")
        if "worsening" in data:
            return Worsening(**data["worsening"], source=data["source"])
        return ItemRises(**data["item_rises"], source=data["source"])


class ProtocolShape(Shape):
    protocol = ident(required=True)
    revision = positive(required=True)
    name = Text(required=True)
    planned_infusions = natural(required=True)
    infusion_offsets = listed(natural(), load_default=())
    source = Text(required=True)
    items_per_screen = positive(load_default=1)
    reminders = nested(RemindersShape, load_default=Reminders())
    alerts = listed(nested(AlertShape), load_default=())
    battery = listed(ident(), required=True)
    time_points = listed(nested(TimePointShape), required=True)
