"""The scales of an instrument: their items resolved, the range of their values computed."""

from collections.abc import Mapping
from typing import Any

from prom_server.core.instrument import Item, Scale
from prom_server.core.rules import CompositeRule, TableRule
from prom_server.definitions.document import Document, Finding, Place
from prom_server.definitions.ranges import Range, value_range


def scales(document: Document, written: list[dict[str, Any]], items: Mapping[str, Item]) -> tuple[Scale, ...]:
    """In the file's order; a composite may only refer to scales above it."""
    built: dict[str, Scale] = {}
    for n, data in enumerate(written):
        place: Place = ("scales", n)
        if data["id"] in built:
            raise document.error([Finding((*place, "id"), f"{data['id']} is there twice")])
        beneath = _beneath(document, place, data, built)
        if unknown := [item for item in beneath if item not in items]:
            raise document.error([Finding((*place, "items"), f"{', '.join(unknown)}: not an item of this file")])
        built[data["id"]] = _scale(data, beneath, items, built)
    return tuple(built.values())


def _scale(
    data: Mapping[str, Any], beneath: tuple[str, ...], items: Mapping[str, Item], built: Mapping[str, Scale]
) -> Scale:
    parts: dict[str, Range] = {scale.id: (scale.low, scale.high) for scale in built.values()}
    # Of a table that a supplement brings the ends are not known yet: the axis stands for them.
    supplied = isinstance(data["rule"], TableRule) and not data["rule"].rows
    low, high = data["axis"] if supplied else value_range(data["rule"], [items[item] for item in beneath], parts)
    bands = data.get("bands") or {"rows": (), "source": None}
    return Scale(
        **{key: value for key, value in data.items() if key not in {"items", "bands"}},
        items=beneath,
        low=low,
        high=high,
        bands=bands["rows"],
        bands_source=bands["source"],
    )


def _beneath(document: Document, place: Place, data: Mapping[str, Any], built: Mapping[str, Scale]) -> tuple[str, ...]:
    """The items of a scale: its own, or for a composite those of its parts, each once."""
    rule = data["rule"]
    if not isinstance(rule, CompositeRule):
        if not data["items"]:
            raise document.error([Finding(place, "items: is missing")])
        return tuple(data["items"])
    if data["items"]:
        raise document.error([Finding((*place, "items"), "a composite has no items of its own")])
    parts = [part.scale for term in rule.terms for part in term.mean_of]
    if unknown := [part for part in parts if part not in built]:
        raise document.error([Finding((*place, "rule"), f"{', '.join(unknown)}: not a scale above this one")])
    return tuple(dict.fromkeys(item for part in parts for item in built[part].items))
