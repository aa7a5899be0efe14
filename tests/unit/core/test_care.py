"""Checklists keep "not asked" apart from "no"; vital signs refuse slips; events count as in the study."""

from datetime import UTC, datetime

import pytest

from prom_server.core.adverse_events import EventAction, EventView
from prom_server.core.care import Line, SideEffectKind, asked_counts, checklist
from prom_server.core.vital_signs import (
    HalfAPressure,
    ImplausibleVitalSign,
    NothingMeasured,
    PressureUpsideDown,
    VitalKind,
    check_vital_signs,
)

SYSTOLIC, DIASTOLIC = VitalKind.SYSTOLIC, VitalKind.DIASTOLIC
AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


def test_a_checklist_has_three_states() -> None:
    found = checklist(SideEffectKind, {"nausea": Line("nausea", True), "misuse": Line("misuse", False)})
    assert [each.kind for each in found.lines] == list(SideEffectKind)
    assert [each.kind for each in found.present] == ["nausea"]
    assert [each.kind for each in found.absent] == ["misuse"]
    assert len(found.not_asked) == len(SideEffectKind) - 2


def test_the_lines_of_the_clinical_rules() -> None:
    rules = {"nausea", "dizziness", "hallucination", "confusion", "paranoia", "urinary", "misuse"}
    assert set(SideEffectKind) == rules | {"other"}


def test_a_count_has_its_denominators() -> None:
    found = asked_counts("nausea", [True, None, False, None, True])
    assert (found.present, found.asked, found.given) == (2, 3, 5)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({}, NothingMeasured),
        ({SYSTOLIC: 120}, HalfAPressure),
        ({DIASTOLIC: 80}, HalfAPressure),
        ({SYSTOLIC: 80, DIASTOLIC: 80}, PressureUpsideDown),
        ({SYSTOLIC: 301, DIASTOLIC: 80}, ImplausibleVitalSign),
        ({VitalKind.HEART_RATE: 19}, ImplausibleVitalSign),
        ({VitalKind.OXYGEN_SATURATION: 101}, ImplausibleVitalSign),
    ],
)
def test_slips_in_vital_signs(values: dict[VitalKind, int], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        check_vital_signs(values)


def test_what_devices_show_is_fine() -> None:
    check_vital_signs({SYSTOLIC: 300, DIASTOLIC: 10, VitalKind.HEART_RATE: 20, VitalKind.OXYGEN_SATURATION: 100})


@pytest.mark.parametrize(("action", "counted"), [(each, each is not EventAction.OTHER) for each in EventAction])
def test_an_event_counts_when_the_infusion_stopped_or_an_emergency_was_called(action: str, counted: bool) -> None:
    for in_error in (False, True):
        event = EventView("e", "other", action, "unknown", "x", AT, None, "Bob", AT, in_error, None)
        assert event.counted is (counted and not in_error)
