"""Wording, order, values and codes of every instrument, against `wording.json`: the publishers' own and LOINC's."""

import json
from pathlib import Path
from typing import Any

import pytest

from prom_server.core.instrument import Instrument, Item
from prom_server.definitions.library import Library

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "wording.json").read_text(encoding="utf-8"))
INSTRUMENTS: dict[str, Any] = GOLDEN["instruments"]
LIBRARY = Library.shipped()


def published(id_: str) -> dict[str, Any]:
    item = GOLDEN["items"][id_]
    return {"id": id_, **item, "options": GOLDEN["options"][item["options"]]}


def shipped(item: Item) -> dict[str, Any]:
    """As the golden file has it: the code of an option only where there is one."""
    options = [[option.value, option.label, *([option.loinc] if option.loinc else [])] for option in item.options]
    return {"id": item.id, "text": item.text, "context": item.context, "options": options, "loinc": item.loinc}


def codes(instrument: Instrument) -> dict[str, Any]:
    scales = {scale.id: scale.loinc for scale in instrument.scales if scale.loinc}
    return {key: value for key, value in (("loinc", instrument.loinc), ("scales", scales)) if value}


@pytest.mark.parametrize("id_", INSTRUMENTS)
def test_wording_order_and_values_are_the_publishers(id_: str) -> None:
    assert [shipped(item) for item in LIBRARY.get(id_).items] == [published(item) for item in INSTRUMENTS[id_]["items"]]


@pytest.mark.parametrize("id_", INSTRUMENTS)
def test_the_codes_are_those_of_loinc(id_: str) -> None:
    expected = {key: value for key, value in INSTRUMENTS[id_].items() if key != "items"}
    assert codes(LIBRARY.get(id_)) == expected
