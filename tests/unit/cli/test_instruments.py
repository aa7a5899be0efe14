"""`prom-server instruments check` and `publish`, `prom-server supplement check`."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from prom_server import resources
from prom_server.cli import main
from prom_server.definitions.checksums import NAME
from prom_server.definitions.library import Library
from tests.unit.definitions.clinic_supplements import gad7_in_spanish, pcs, self_efficacy, written

SHIPPED = resources.directory("instruments")
LIBRARY = Library.shipped()


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of two families, as if they were what is shipped; nothing is published yet."""
    folder = tmp_path / "instruments"
    for family in ("gad", "phq"):
        shutil.copytree(SHIPPED / family, folder / family)
    monkeypatch.setattr(resources, "directory", lambda _name: folder)
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def instruments(*arguments: object) -> Result:
    return run("instruments", *arguments)


def test_every_shipped_file_is_right() -> None:
    files = sorted(SHIPPED.rglob("*.yaml"))
    result = instruments("check", *files)
    assert len(result.stdout.splitlines()) == len(files)
    assert all(" is not listed in " in line for line in result.stderr.splitlines())


def test_what_is_published_is_checked_from_then_on(shipped: Path) -> None:
    unlisted = instruments("check")
    assert unlisted.exit_code == 1
    assert unlisted.stderr.count("is not listed in SHA256SUMS") == len(list(shipped.rglob("*.yaml")))
    published = instruments("publish", *sorted(shipped.rglob("*.yaml")))
    assert (published.exit_code, published.stderr) == (0, "")
    assert "published phq/phq-9.v1.yaml" in published.stdout
    assert instruments("check").exit_code == 0
    phq9 = shipped / "phq/phq-9.v1.yaml"
    phq9.write_text(phq9.read_text("utf-8") + "# a remark\n", "utf-8")
    changed = instruments("check")
    assert changed.exit_code == 1
    assert f"{phq9}:1: has changed since it was published" in changed.stderr
    assert instruments("check", shipped / "gad/gad-7.v1.yaml").exit_code == 0
    assert instruments("check", phq9).exit_code == 1
    again = instruments("publish", phq9)
    assert again.exit_code == 1
    assert "a correction is a new revision" in again.stderr


def test_a_wrong_file_is_not_published(shipped: Path) -> None:
    wrong = shipped / "gad/gad-7.v1.yaml"
    wrong.write_text(wrong.read_text("utf-8").replace("better: lower", "better: No"), "utf-8")
    result = instruments("publish", shipped / "phq/phq-9.v1.yaml", wrong)
    assert result.exit_code == 1
    assert "YAML may read No as true or false" in result.stderr
    assert not (shipped / NAME).exists()
    assert instruments("publish").exit_code == 2


def test_a_file_elsewhere_has_no_checksum(tmp_path: Path) -> None:
    mine = tmp_path / "gad-7.v1.yaml"
    mine.write_text((SHIPPED / "gad/gad-7.v1.yaml").read_text("utf-8") + "# mine\n", "utf-8")
    result = instruments("check", mine)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{mine}: instrument gad-7, revision 1: 6 worked examples agree\n"
    assert "is not below" in instruments("publish", mine).stderr


def test_files_of_every_kind_say_what_they_are() -> None:
    result = instruments(
        "check", SHIPPED / "banks/promis-depression.v1.yaml", SHIPPED / "promis/promis-depression-cat.v1.yaml"
    )
    assert "item bank promis-depression, revision 1: 28 items" in result.stdout
    assert "instrument promis-depression-cat, revision 1: 8 worked examples agree" in result.stdout


def test_a_broken_list_is_a_clear_message(shipped: Path) -> None:
    (shipped / NAME).write_text("nonsense\n")
    result = instruments("check")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {shipped / NAME}:1: is not a hash, two spaces and a path\n",
    )


def supplement(*arguments: object) -> Result:
    return run("supplement", "check", *arguments)


def test_each_supplement_says_what_it_supplies(tmp_path: Path) -> None:
    written(tmp_path, "pcs.yaml", pcs())
    written(tmp_path, "gad.yaml", gad7_in_spanish())
    self_efficacy(tmp_path)
    result = supplement(tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    symptoms = "promis-self-efficacy-symptoms-4a"
    assert result.stdout.splitlines() == [
        f"{tmp_path}/pcs.yaml: supplement for pcs, revision 1 (en): wording",
        f"{tmp_path}/se.yaml: supplement for {symptoms}, revision 1 (en): wording, table of Self-efficacy",
        f"{tmp_path}/gad.yaml: supplement for gad-7, revision 1 (es): translation",
    ]


def test_the_others_are_checked_after_a_wrong_one(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", pcs(12))
    written(tmp_path, "b.yaml", pcs(supplement="sf-36"))
    written(tmp_path, "c.yaml", pcs(revision="7"))
    written(tmp_path, "d.yaml", gad7_in_spanish())
    written(tmp_path, "e.yaml", "supplement: [\n")
    result = supplement(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.splitlines().pop().startswith(f"{tmp_path}/e.yaml:2: is not YAML")
    assert result.stderr.splitlines()[:3] == [
        f"{tmp_path}/a.yaml:6: items: pcs13: still without wording",
        f"{tmp_path}/b.yaml:1: there is no sf-36, revision 1",
        f"{tmp_path}/c.yaml:1: there is no pcs, revision 7",
    ]
    assert "gad-7, revision 1 (es): translation" in result.stdout


def test_two_that_say_the_same_are_found(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", pcs())
    written(tmp_path, "b.yaml", pcs())
    result = supplement(tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path}/b.yaml:1: {tmp_path}/a.yaml is a supplement for the same revision and language" in result.stderr


def test_a_translation_is_checked_on_the_clinics_own_wording(tmp_path: Path) -> None:
    labels = ", ".join(f'{n}: "Opción {n}"' for n in range(5))
    spanish = (
        pcs(language="es", contexts="{A stem: Contexto}", sections="{thoughts: Título}")
        + f"options:\n  degree: {{{labels}}}\n"
    )
    path = written(tmp_path, "a.yaml", spanish)
    assert "contexts.A stem: is no context of pcs" in instruments("check", path).stderr
    written(tmp_path, "b.yaml", pcs(context="A stem"))
    assert supplement(tmp_path).exit_code == 0
    assert instruments("check", path, "--supplements", tmp_path).exit_code == 1


def test_protocols_are_checked_with_the_wording_supplied(tmp_path: Path) -> None:
    gad7 = LIBRARY.get("gad-7").items[0]
    text = pcs(context=f'"{gad7.context}"').replace("Synthetic wording 3", f'"{gad7.text}"')
    written(tmp_path, "pcs.yaml", text)
    protocol = next(path for path in LIBRARY.files() if path.name == "ketamine-five-day.v1.yaml")
    assert instruments("check", protocol).exit_code == 0
    result = instruments("check", protocol, "--supplements", tmp_path)
    assert (result.exit_code, "pcs pcs3 asks the same as gad-7 gad1" in result.stderr) == (1, True)


def test_the_directory_of_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIRECTORY", str(tmp_path / "var"))
    monkeypatch.delenv("SUPPLEMENTS", raising=False)
    assert supplement().exit_code == 2
    folder = tmp_path / "supplements"
    folder.mkdir()
    monkeypatch.setenv("SUPPLEMENTS", str(folder))
    empty = supplement()
    assert (empty.exit_code, empty.stderr) == (
        1,
        f"Error: {folder} holds no supplement: no file there is named *.yaml.\n",
    )
    written(folder, "pcs.yaml", pcs())
    assert "supplement for pcs, revision 1 (en): wording" in supplement().stdout
