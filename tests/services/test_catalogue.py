"""What a clinic may use: with words, with tables, and with the permission that is needed."""

from dataclasses import replace

import pytest

from prom_server.core.instrument import Instrument
from prom_server.core.permissions import Role
from prom_server.core.rules import TableRule
from prom_server.services import catalogue, clinics
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import NOON

FORM = "promis-depression-4a"  # its words are shipped; the holder's permission is needed


@pytest.fixture(autouse=True)
def definitions() -> None:
    clinic.bind_definitions()


def unworded(instrument: Instrument) -> Instrument:
    return replace(instrument, items=tuple(replace(item, text=None) for item in instrument.items))


def untabled(instrument: Instrument) -> Instrument:
    (scale,) = instrument.scales
    assert isinstance(scale.rule, TableRule)
    return replace(instrument, scales=(replace(scale, rule=replace(scale.rule, rows={})),))


def may_use(database: Database, *, permitted: bool, demo: bool = False) -> bool:
    with database.writing() as session:
        ada = clinic.member(session, clinic.clinic(session, demo=demo), Role.ADMINISTRATOR, "Ada Example")
        if permitted:
            clinics.record_permission(session, "promis", "A. Person", NOON.date(), "L-1", by=ada, at=NOON)
        return catalogue.missing_licences(session, ada.clinic, [FORM]) == ()


@pytest.mark.parametrize(
    ("permitted", "lacks", "expected"),
    [
        (True, None, True),
        (False, None, False),
        (True, unworded, False),
        (True, untabled, False),
    ],
)
def test_a_permission_alone_brings_neither_words_nor_tables(
    database: Database, monkeypatch: pytest.MonkeyPatch, permitted: bool, lacks, expected: bool
) -> None:
    form = catalogue.instrument(FORM)
    monkeypatch.setattr(catalogue, "instrument", lambda _id, **_: lacks(form) if lacks else form)
    assert may_use(database, permitted=permitted) is expected


def test_the_demo_clinic_may_use_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    form = untabled(unworded(catalogue.instrument(FORM)))
    monkeypatch.setattr(catalogue, "instrument", lambda _id, **_: form)
    assert may_use(database, permitted=False, demo=True)


def test_a_licensed_wording_serves_only_a_clinic_with_the_licence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = catalogue.instrument("pcs")
    supplied = replace(form, items=tuple(replace(item, text="made up") for item in form.items))
    monkeypatch.setattr(catalogue, "instrument", lambda _id, **_: supplied)
    with database.writing() as session:
        ada = clinic.member(session, clinic.clinic(session, demo=False), Role.ADMINISTRATOR, "Ada Example")
        assert catalogue.missing_licences(session, ada.clinic, ["pcs"]) == (supplied,)
        clinics.record_permission(session, "pcs", "A. Person", NOON.date(), "L-2", by=ada, at=NOON)
        assert catalogue.missing_licences(session, ada.clinic, ["pcs"]) == ()
