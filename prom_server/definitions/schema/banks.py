"""The shape of an item bank: parameters only, no wording."""

from marshmallow import validate

from prom_server.definitions.fields import Number, Shape, Text, ident, item_id, listed, mapping, nested, positive


class GradedShape(Shape):
    a = Number(required=True)
    b = listed(Number(), required=True)


class BankLicenceShape(Shape):
    spdx = Text(required=True)
    origin = Text(required=True)


class BankShape(Shape):
    bank = ident(required=True)
    revision = positive(required=True)
    name = Text(required=True)
    model = Text(required=True, validate=validate.Equal("graded-response", error="is not {other}"))
    licence = nested(BankLicenceShape, required=True)
    sources = listed(Text(), required=True)
    notes = listed(Text(), load_default=())
    items = mapping(item_id(), nested(GradedShape), required=True)
