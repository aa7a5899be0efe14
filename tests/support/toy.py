"""A small adaptive instrument. Its items and parameters are made up, for tests of the method alone."""

from decimal import Decimal

from prom_server.core.instrument import Better, Instrument, Item, Licence, LicenceKind, Metric, Option, Scale, Section
from prom_server.core.irt import Graded
from prom_server.core.rules import AdaptiveRule

GRADED = {
    "weak": Graded(0.9, (-1.5, 0.0, 1.5)),
    "low": Graded(2.4, (-2.0, -1.5, -1.0)),
    "middle": Graded(2.5, (-0.5, 0.0, 0.5)),
    "high": Graded(2.4, (1.0, 1.5, 2.0)),
    "wide": Graded(1.6, (-2.0, 0.0, 2.0)),
    "last": Graded(1.2, (-1.0, 0.5, 1.0)),
}
RULE = AdaptiveRule(least=2, most=4, se_below=Decimal("0.4"), most_skipped=2, source="made up")
POINTS = (1, 2, 3, 4)


def adaptive(rule: AdaptiveRule = RULE, graded: dict[str, Graded] = GRADED) -> Instrument:
    options = tuple(Option(points, f"option {points}") for points in POINTS)
    scale = Scale(
        id="toy",
        name="Toy",
        short="Toy",
        metric=Metric.T,
        better=Better.LOWER,
        items=tuple(graded),
        rule=rule,
        low=Decimal(20),
        high=Decimal(80),
        axis=(Decimal(20), Decimal(80)),
        ticks=(Decimal(50),),
    )
    return Instrument(
        id="toy",
        revision=1,
        name="Toy",
        short="Toy",
        publisher_version="1",
        recall="today",
        seconds=10,
        sections=(Section("one", "One"),),
        items=tuple(Item(id_, f"item {id_}", options, "one", graded=of) for id_, of in graded.items()),
        scales=(scale,),
        licence=Licence(LicenceKind.FREE, "nobody", "made up", "toy"),
        citation="none",
        sources=("none",),
    )
