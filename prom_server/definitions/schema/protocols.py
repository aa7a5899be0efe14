"""The shape of a protocol file."""

from prom_server.core.schedule import Anchor, TimePoint
from prom_server.definitions.fields import Flag, Shape, Text, Whole, ident, listed, nested, one_of, positive


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
    revision = positive(required=True)
    name = Text(required=True)
    planned_infusions = positive(required=True)
    source = Text(required=True)
    items_per_screen = positive(load_default=1)
    battery = listed(ident(), required=True)
    time_points = listed(nested(TimePointShape), required=True)
