"""Every rule of the linter for protocols: a right one, broken in one place, is refused at the right line."""

from pathlib import Path

import pytest

from prom_server.core.refusals import DefinitionError
from prom_server.core.schedule import Offset, Protocol, Reminders
from prom_server.definitions.library import Library
from prom_server.definitions.loading import load_protocol
from tests.unit.definitions.clinic_supplements import pcs, written
from tests.unit.definitions.slips import Slip

LIBRARY = Library.shipped()
PROTOCOL, ADAPTIVE, MONTHLY = "ketamine-five-day", "five-day-adaptive", "psychotherapy-every-4-weeks"
INFUSIONS = "planned_infusions: 5"
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
    Slip(PROTOCOL, INFUSIONS, "planned_infusions: -1", "is below 0"),
    Slip(
        PROTOCOL,
        INFUSIONS,
        "planned_infusions: 0",
        "first-infusion is not an anchor where no infusion is planned",
        at="    anchor: first-infusion",
    ),
    Slip(
        MONTHLY,
        "anchor: start",
        "anchor: latest-infusion",
        "latest-infusion is not an anchor where no",
        at="  - {id: b",
    ),
    Slip(PROTOCOL, "anchor: latest-infusion", "anchor: start", "start is not an anchor where infusions are planned"),
    Slip(
        PROTOCOL,
        "    anchor: final-infusion\n",
        "    anchor: final-infusion\n    closes_at_first_infusion: true\n",
        "does not go with final-infusion",
        at="    closes_at_first_infusion: true\n    opens: 0",
    ),
    Slip(PROTOCOL, INFUSIONS, f"{INFUSIONS}\ninfusion_offsets: [0, 1, 2, 4]", "has 4 days for 5 planned infusions"),
    Slip(PROTOCOL, INFUSIONS, f"{INFUSIONS}\ninfusion_offsets: [1, 2, 3, 4, 5]", "does not begin with 0"),
    Slip(PROTOCOL, INFUSIONS, f"{INFUSIONS}\ninfusion_offsets: [0, 2, 2, 3, 4]", "2 comes after 2: each day once"),
    Slip(PROTOCOL, INFUSIONS, f"{INFUSIONS}\ninfusion_offsets: [0, 1, 2, 3, -4]", "is below 0"),
    Slip(MONTHLY, "after_due: [3, 7]", "after_due: [7, 3]", "3 comes after 7: each day once, in order"),
    Slip(MONTHLY, "after_due: [3, 7]", "after_due: [7, 7]", "7 comes after 7: each day once, in order"),
    Slip(MONTHLY, "after_due: [3, 7]", "after_due: [3, 11]", "every window has closed 11 days after it was due"),
    Slip(MONTHLY, "after_due: [3, 7]", "after_due: [-1, 7]", "is below 0"),
    Slip(MONTHLY, "  at_opening: true\n", "", "reminders.at_opening: is missing", at="reminders:"),
    Slip(MONTHLY, "at_opening: true", "at_opening: 1", "neither true nor false"),
    Slip(PROTOCOL, "opens: 76", "opens: {months: 0, days: 76}", "opens.months: is below 1"),
    Slip(PROTOCOL, "opens: 76", "opens: {days: 76}", "opens.months: is missing"),
    Slip(PROTOCOL, "opens: 76", "opens: 76.5", "opens: is neither a number of days nor {months"),
    Slip(PROTOCOL, "opens: 76", "opens:", "opens: is empty"),
    # From 1 March on three months have 92 days: most anchors are fine, some are not.
    Slip(
        PROTOCOL,
        "due: 90\n    overdue: 97\n",
        "due: {months: 3}\n    overdue: 91\n",
        "are not in this order when they count from 2023-03-01",
        at="  - id: month-3",
    ),
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


def written_protocol(tmp_path: Path, *changes: tuple[str, str], of: str = PROTOCOL, revision: int = 1) -> Protocol:
    [original] = [path for path in LIBRARY.files() if path.name == f"{of}.v1.yaml"]
    text = original.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = tmp_path / f"{of}.v{revision}.yaml"
    file.write_text(text, encoding="utf-8")
    return load_protocol(file, LIBRARY.find)


def test_what_a_file_need_not_say() -> None:
    default = LIBRARY.protocol(PROTOCOL)
    assert default.reminders == Reminders(at_opening=True, after_due=(0, 3, 7, 14, 21))
    assert default.infusion_offsets == (0, 1, 2, 3, 4)
    assert LIBRARY.protocol("ketamine-single-infusion").infusion_offsets == (0,)
    assert LIBRARY.protocol(MONTHLY).infusion_offsets == ()


def test_what_a_file_may_say(tmp_path: Path) -> None:
    changed = written_protocol(
        tmp_path,
        (
            INFUSIONS,
            f"{INFUSIONS}\ninfusion_offsets: [0, 2, 4, 7, 9]\nreminders: {{at_opening: false, after_due: [7]}}",
        ),
        (
            "opens: 150\n    due: 180\n    overdue: 187\n",
            "opens: {months: 5}\n    due: {months: 6}\n    overdue: {months: 6, days: 7}\n",
        ),
    )
    assert changed.infusion_offsets == (0, 2, 4, 7, 9)
    assert changed.reminders == Reminders(at_opening=False, after_due=(7,))
    assert (changed.time_points[3].due, changed.time_points[3].overdue) == (Offset(0, 6), Offset(7, 6))


def test_windows_in_months_overlap_on_any_day_of_four_years(tmp_path: Path) -> None:
    """120 days after an anchor and 4 months less 1 day after it: not the same day from every anchor."""
    later = ("opens: 150\n", "opens: {months: 4, days: -1}\n")
    with pytest.raises(DefinitionError, match=r"time_points\.3: overlaps another window of the same anchor"):
        written_protocol(tmp_path, later)
    assert written_protocol(tmp_path, ("closes: 120", "closes: 118"), later).id == PROTOCOL


@pytest.mark.parametrize("free", ["five-day-free-instruments", MONTHLY])
def test_a_clinic_without_licences_has_a_protocol(free: str) -> None:
    battery = LIBRARY.protocol(free).battery
    assert not [each for each in battery if LIBRARY.get(each).licence.needs_permission]
    assert all(LIBRARY.get(each).has_wording for each in battery)


def test_the_example_of_the_documentation_is_right(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs/adding-a-protocol.md"
    text = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    file = tmp_path / "my-clinic-series.v1.yaml"
    file.write_text(text, encoding="utf-8")
    protocol = load_protocol(file, LIBRARY.find)
    assert protocol.infusion_offsets == (0, 7, 14)
    assert protocol.reminders == Reminders()  # "as written here"
