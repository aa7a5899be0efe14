"""The shape of a clinic's supplement: wording, a translation, or tables. It has no key that could change a score."""

from marshmallow import validate

from prom_server.definitions.fields import Shape, Text, WholeKey, ident, item_id, mapping, nested, positive


class SuppliedTableShape(Shape):
    file = Text(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9][A-Za-z0-9._-]*\.csv\Z", error="is no CSV file beside this one"),
    )
    source = Text(required=True)


class SupplementShape(Shape):
    supplement = ident(required=True)
    revision = positive(required=True)
    language = Text(
        load_default="en",
        validate=validate.Regexp(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="is not a language such as en or es-MX"),
    )
    source = Text(required=True)
    date = Text(required=True)
    entered_by = Text(required=True)
    context = Text(load_default=None)
    contexts = mapping(Text(), Text(), load_default=dict)
    items = mapping(item_id(), Text(), load_default=dict)
    options = mapping(
        ident(),
        mapping(WholeKey("is no option's value"), Text()),
        load_default=dict,
    )
    sections = mapping(ident(), Text(), load_default=dict)
    tables = mapping(ident(), nested(SuppliedTableShape), load_default=dict)
