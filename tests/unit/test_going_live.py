"""Each requirement of going live is met by its own facts and by nothing else."""

from dataclasses import fields, replace

import pytest

from prom_server.core.clinics import HoursWrong, NeverOpen, check_hours, is_telling
from prom_server.core.going_live import Alerting, Facts, Requirement, checklist, unmet
from prom_server.core.settings_change import SettingsChanged, check_seen, fingerprint, told

SETTLED = Facts(
    demo=False,
    opening_recorded=True,
    hours="weekdays 8 am to 5 pm",
    alerting=Alerting(
        clinicians_told=("email",),
        closed_hours="next_opening",
        closed_hours_person="Dr. Bob Example",
        on_call_told=(),
        sends={"email"},
    ),
    protocols=("Five days",),
    permissions_missing=(),
    wordings_missing=(),
    shown=("Harbour Street", ""),
    reminders_at="09:00",
    quiet_from="20:00",
    quiet_to="08:00",
)
ALERTING = {field.name for field in fields(Alerting)}


def changed(facts: Facts, **new: object) -> Facts:
    told = {name: value for name, value in new.items() if name in ALERTING}
    others = {name: value for name, value in new.items() if name not in ALERTING}
    return replace(facts, alerting=replace(facts.alerting, **told), **others)


def missing(facts: Facts) -> list[str]:
    return [line.requirement for line in unmet(checklist(facts))]


def test_a_settled_clinic_is_ready() -> None:
    assert missing(SETTLED) == []
    assert [line.requirement for line in checklist(SETTLED)] == list(Requirement)


@pytest.mark.parametrize(
    ("new", "requirement"),
    [
        ({"demo": True}, "real"),
        ({"opening_recorded": False}, "opening_hours"),
        ({"hours": " "}, "patients_hours"),
        ({"closed_hours": None}, "closed_hours"),
        ({"closed_hours_person": " "}, "closed_hours"),
        ({"closed_hours": "on_call"}, "closed_hours"),  # the name is no substitute for somebody who is told
        ({"protocols": ()}, "protocols"),
        ({"permissions_missing": ("promis",)}, "permissions"),
        ({"wordings_missing": ("PCS",)}, "wordings"),
        ({"shown": ("Harbour Street Pain Clinic", "")}, "sender"),
        ({"shown": ("Harbour Street", "front@ketamine.example.org")}, "sender"),
        ({"reminders_at": "07:59"}, "quiet_hours"),
        ({"sends": set()}, "sending"),
        ({"clinicians_told": ("email", "sms")}, "sending"),
        ({"closed_hours": "on_call", "on_call_told": ("sms",)}, "sending"),
    ],
)
def test_each_fact_alone_keeps_a_clinic_in_trial(new: dict[str, object], requirement: str) -> None:
    assert missing(changed(SETTLED, **new)) == [requirement]


def test_nobody_told_of_alerts_is_two_requirements() -> None:
    assert missing(changed(SETTLED, clinicians_told=())) == ["alerted", "sending"]


def test_on_call_needs_a_person_who_is_told_and_no_name() -> None:
    facts = changed(SETTLED, closed_hours="on_call", closed_hours_person=None, on_call_told=("email",))
    assert missing(facts) == []


def test_the_line_names_what_is_missing() -> None:
    lines = {line.requirement: line for line in checklist(changed(SETTLED, permissions_missing=("pcs", "promis")))}
    assert lines[Requirement.PERMISSIONS].names == ("pcs", "promis")


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("Harbour Street", False),
        ("Hospital of Spain", False),
        ("Anxious to help", True),
        ("PAIN care", True),
        ("Dr. Ketamine", True),
        ("Clínica de la Depresión", True),
        ("Consulta psiquiátrica", True),
        ("Psicología Ruiz", True),
        ("Centro de Adicciones", True),
        ("Unidad de cetamina", True),
        ("team_esketamine@example.org", True),
        ("Clínica del Puerto", False),
    ],
)
def test_a_sender_s_name_tells(name: str, telling: bool) -> None:
    assert is_telling(name) is telling


@pytest.mark.parametrize(
    "hours",
    [(("17:00", "08:00"),), (("08:00", "08:00"),), (("8:00", "17:00"),), (("08:00", "12:00"), ("12:00", "17:00"))],
)
def test_hours_that_make_no_sense(hours: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(HoursWrong) as refused:
        check_hours({0: (("08:00", "24:00"),), 3: hours})
    assert refused.value.weekday == 3


def test_a_clinic_that_never_opens() -> None:
    with pytest.raises(NeverOpen):
        check_hours({0: ()})


def test_what_was_shown_must_be_what_is_stored() -> None:
    stored = {"phone": "1", "name": "A"}
    check_seen(stored, fingerprint({"name": "A", "phone": "1"}))
    check_seen(stored, None)
    for seen in ("", fingerprint({"name": "A", "phone": "2"})):
        with pytest.raises(SettingsChanged) as refused:
            check_seen(stored, seen)
        assert refused.value.stored == stored


def test_no_value_can_look_like_another_line_of_the_audit() -> None:
    assert told({"name": None}, {"name": "A\nphone: 1 -> 2"}) == "name: None -> A / phone: 1 -> 2"
