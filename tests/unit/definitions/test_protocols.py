"""Every rule of the linter for protocols: a right one, broken in one place, is refused at the right line."""

from pathlib import Path

import pytest

from prom_server.core.refusals import DefinitionError
from prom_server.definitions.library import Library
from prom_server.definitions.loading import load_protocol
from tests.unit.definitions.clinic_supplements import pcs, written
from tests.unit.definitions.slips import Slip

LIBRARY = Library.shipped()
PROTOCOL, ADAPTIVE = "ketamine-five-day", "five-day-adaptive"
BATTERY, LAST = "battery: [promis-29, phq-9, gad-7, pcs]", "battery: [promis-29, gad-7, pcs, phq-9]"

SLIPS = [
    Slip(PROTOCOL, BATTERY, LAST, "phq-9 watches for risk and must not be the last thing a patient answers"),
    Slip(PROTOCOL, "battery: [promis-29,", "battery: [sf-36,", "there is no instrument sf-36"),
    Slip(
        PROTOCOL,
        "[promis-29,",
        "[promis-29, promis-pain-interference-8a,",
        "PAININ9 asks the same as promis-29 PAININ9",
    ),
    Slip(PROTOCOL, "[promis-29,", "[promis-29, promis-global-health,", "Global07r asks the same as promis-29 Global07"),
    Slip(PROTOCOL, "[promis-29,", "[promis-29, promis-depression-cat,", "EDDEP04 asks the same as promis-29 EDDEP04"),
    Slip(PROTOCOL, "phq-9, gad-7,", "phq-9, phq-2, gad-7,", "phq-2 phq1 asks the same as phq-9 phq1"),
    Slip(ADAPTIVE, "  - phq-9\n", "", "promis-depression-cat needs phq-9 beside it", at="  - promis-depression-cat"),
    Slip(PROTOCOL, "battery: [promis-29,", "battery: [pcs, promis-29,", "an instrument is there twice"),
    Slip(PROTOCOL, "battery: [promis-29,", "batteries: [promis-29,", "batteries: is not a key that is known here"),
    Slip(PROTOCOL, BATTERY, "battery: []", "battery: needs 1 or more"),
    Slip(PROTOCOL, "opens: 76", "opens: 91", "not in this order", at="  - id: month-3"),
    Slip(PROTOCOL, "closes: 120", "closes: 89", "not in this order", at="  - id: month-3"),
    Slip(PROTOCOL, "overdue: 97", "overdue: 90", "not in this order", at="  - id: month-3"),
    Slip(PROTOCOL, "closes: 120", "closes: 150", "overlaps another window", at="  - id: month-6"),
    Slip(PROTOCOL, "closes: 225", "closes: 2250", "is open for longer than", at="  - id: month-6"),
    Slip(PROTOCOL, "id: month-6", "id: month-3", "month-3 is there twice"),
    Slip(PROTOCOL, "anchor: latest-infusion", "anchor: yesterday", "anchor: is none of"),
    Slip(PROTOCOL, "closes_at_first_infusion: true", "closes_at_first_infusion: 1", "neither true nor false"),
    Slip(PROTOCOL, "planned_infusions: 5", "planned_infusions: 0", "is below 1"),
    Slip(PROTOCOL, BATTERY, f"{BATTERY}\nitems_per_screen: 0", "is below 1"),
    Slip(PROTOCOL, BATTERY, f"{BATTERY}\nitems_per_screen: 7", "is above 6: a few items stand on a screen"),
    Slip(PROTOCOL, "source: >-", "sources: >-", "source: is missing", at="protocol: ket"),
    Slip(
        PROTOCOL, "protocol: ketamine-five-day", "protocol: ketamine", "it holds ketamine.v1.yaml", at="# The default"
    ),
]


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_is_found_at_its_line(tmp_path: Path, slip: Slip) -> None:
    [original] = [path for path in LIBRARY.files() if path.name == f"{slip.file}.v1.yaml"]
    file, line = slip.written(tmp_path, original)
    with pytest.raises(DefinitionError) as refusal:
        load_protocol(file, LIBRARY.find)
    found = str(refusal.value).splitlines()
    assert any(each.startswith(f"{file}:{line}: ") and slip.message in each for each in found), found


def test_what_touches_a_risk_names_what_watches_it() -> None:
    beside = {each.id: each.beside for each in LIBRARY.instruments() if each.beside is not None}
    assert beside == {"promis-depression-cat": "phq-9"}
    assert LIBRARY.get("phq-9").alerts


def test_the_wording_that_a_supplement_brings_is_compared_too(tmp_path: Path) -> None:
    first = LIBRARY.get("gad-7").items[0]
    text = pcs(context=f'"{first.context}"').replace("Synthetic wording 3", f'"{first.text}"')
    written(tmp_path, "pcs.yaml", text)
    with pytest.raises(DefinitionError, match=r"battery\.3: pcs pcs3 asks the same as gad-7 gad1"):
        Library.shipped(supplements=tmp_path).protocol(PROTOCOL)
    written(tmp_path, "pcs.yaml", pcs())
    assert "pcs" in Library.shipped(supplements=tmp_path).protocol(PROTOCOL).battery
