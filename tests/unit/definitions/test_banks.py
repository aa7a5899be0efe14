"""Item banks: exact parameters, each slip found at its line, and instruments that pin them by hash."""

from pathlib import Path

import pytest

from prom_server.core.irt import Graded
from prom_server.core.refusals import DefinitionError
from prom_server.definitions.library import Library
from prom_server.definitions.loading import load_bank
from tests.unit.definitions.slips import Slip

LIBRARY = Library.shipped()
BANK = "promis-depression"
FIRST = "{a: 4.261422366, b: [0.401069433, 0.975673157, 1.696299976, 2.444071535]}"
ORIGINAL = next(path for path in LIBRARY.files() if path.name == f"{BANK}.v1.yaml")

SLIPS = [
    Slip(BANK, "{a: 4.261422366,", "{a: 0.0,", "items.EDDEP04.a: a discrimination is above 0"),
    Slip(BANK, "{a: 4.261422366,", "{a: -4.261422366,", "items.EDDEP04.a: a discrimination is above 0"),
    Slip(BANK, "{a: 4.261422366,", "{a: high,", "items.EDDEP04.a: is not a number"),
    Slip(BANK, "{a: 4.261422366,", "{a: 4.2e1,", "4.2e1 is not a plain number"),
    Slip(BANK, "{a: 4.261422366,", "{d: 4.261422366,", "items.EDDEP04.d: is not a key that is known here"),
    Slip(BANK, "[0.401069433, 0.975673157,", "[0.975673157, 0.401069433,", "EDDEP04.b: the thresholds do not rise"),
    Slip(BANK, "[0.401069433, 0.975673157,", "[0.401069433, 0.401069433,", "EDDEP04.b: the thresholds do not rise"),
    Slip(BANK, "EDDEP05:", "EDDEP04:", "'EDDEP04' is written twice"),
    Slip(BANK, "model: graded-response", "model: rasch", "model: is not graded-response"),
    Slip(BANK, "licence:", "licences:", "licence: is missing", at="bank:"),
    Slip(BANK, "  origin: >-", "  from: >-", "licence.origin: is missing", at="licence:"),
    Slip(BANK, "sources:", "source:", "sources: is missing", at="bank:"),
    Slip(BANK, "revision: 1", "revision: 2", "it holds promis-depression.v2.yaml", at="# SPDX"),
]


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_is_found_at_its_line(tmp_path: Path, slip: Slip) -> None:
    file, line = slip.written(tmp_path, ORIGINAL)
    with pytest.raises(DefinitionError) as refusal:
        load_bank(file)
    found = str(refusal.value).splitlines()
    assert any(each.startswith(f"{file}:{line}: ") and slip.message in each for each in found), found


def test_parameters_are_the_nearest_floats_to_what_is_written() -> None:
    bank = LIBRARY.bank(BANK, 1)
    assert bank is not None
    assert FIRST in bank.document.text
    assert bank.items["EDDEP04"] == Graded(4.261422366, (0.401069433, 0.975673157, 1.696299976, 2.444071535))
    assert LIBRARY.bank(BANK, 1) is bank
    assert LIBRARY.bank(BANK, 99) is None


def test_items_of_an_instrument_carry_the_parameters_of_its_bank() -> None:
    bank = LIBRARY.bank(BANK, 1)
    form = LIBRARY.get("promis-depression-cat")
    assert bank is not None
    assert {item.id: item.graded for item in form.items} == dict(bank.items)
    assert form.parameters is not None
    assert form.parameters.sha256 == bank.content_hash
    assert all(item.graded is None for item in LIBRARY.get("promis-depression-4a").items)
