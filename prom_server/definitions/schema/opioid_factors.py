"""The shape of a table of opioid factors."""

from prom_server.core.mme import Opioid, Unit
from prom_server.definitions.fields import Number, Shape, Text, ident, listed, nested, one_of, positive


class OpioidShape(Shape):
    makes = Opioid
    drug = ident(required=True)
    name = Text(required=True)
    unit = one_of(Unit)
    factor = Number(required=True)
    caution = Text()


class OpioidFactorsShape(Shape):
    opioid_factors = ident(required=True)
    revision = positive(required=True)
    name = Text(required=True)
    source = Text(required=True)
    cautions = listed(Text(), required=True)
    opioids = listed(nested(OpioidShape), required=True)
