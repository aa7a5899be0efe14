"""A published file never changes: `SHA256SUMS` says what was published."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from prom_server import resources
from prom_server.core.refusals import DefinitionError
from prom_server.definitions.checksums import NAME, publish, read_checksums
from prom_server.definitions.library import Library
from prom_server.definitions.lint import checksum_problems

SHIPPED = resources.directory("instruments")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """GAD-7 and PHQ-9, published."""
    for family, name in (("gad", "gad-7.v1.yaml"), ("phq", "phq-9.v1.yaml")):
        (tmp_path / family).mkdir()
        (tmp_path / family / name).write_bytes((SHIPPED / family / name).read_bytes())
    publish(tmp_path, [tmp_path / "gad/gad-7.v1.yaml", tmp_path / "phq/phq-9.v1.yaml"])
    return tmp_path


def problems(directory: Path) -> list[str]:
    return checksum_problems(Library([directory]), [])


def test_what_is_published_is_in_order_also_for_sha256sum(directory: Path) -> None:
    assert problems(directory) == []
    gad7 = sha256((directory / "gad/gad-7.v1.yaml").read_bytes()).hexdigest()
    assert (directory / NAME).read_text().splitlines()[0] == f"{gad7}  gad/gad-7.v1.yaml"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", NAME], cwd=directory, check=True)


def test_no_shipped_file_that_was_published_has_changed() -> None:
    checksums = read_checksums(SHIPPED)
    assert len(checksums.listed) >= 14
    for name, listed in checksums.listed.items():
        assert sha256((SHIPPED / name).read_bytes()).hexdigest() == listed.sha256, name


def test_a_changed_file_is_found_and_never_loaded(directory: Path) -> None:
    path = directory / "phq/phq-9.v1.yaml"
    path.write_bytes(path.read_bytes() + b"# a harmless remark\n")
    said = f"{path}:1: has changed since it was published ({directory / NAME}:2): a correction is a new revision"
    assert problems(directory) == [said]
    library = Library([directory])
    assert library.get("gad-7").revision == 1
    with pytest.raises(DefinitionError, match="has changed since it was published") as refusal:
        library.get("phq-9")
    assert str(refusal.value) == said


@pytest.mark.parametrize("kind", ["banks", "protocols"])
def test_banks_and_protocols_neither(tmp_path: Path, kind: str) -> None:
    (tmp_path / kind).mkdir()
    name = {"banks": "promis-depression.v1.yaml", "protocols": "ketamine-five-day.v1.yaml"}[kind]
    path = tmp_path / kind / name
    path.write_bytes((SHIPPED / kind / name).read_bytes())
    publish(tmp_path, [path])
    path.write_bytes(path.read_bytes() + b"# a remark\n")
    library = Library([tmp_path])
    with pytest.raises(DefinitionError, match="has changed since it was published"):
        library.bank("promis-depression", 1) if kind == "banks" else library.protocol("ketamine-five-day")


def test_a_file_that_is_not_listed_is_found(directory: Path) -> None:
    path = directory / "pcs.v1.yaml"
    path.write_bytes((SHIPPED / "pcs/pcs.v1.yaml").read_bytes())
    assert problems(directory) == [f"{path}:1: is not listed in {NAME}: `prom-server instruments publish` adds it"]
    assert Library([directory]).get("pcs").id == "pcs"


def test_a_listed_file_that_is_gone_is_found(directory: Path) -> None:
    (directory / "phq/phq-9.v1.yaml").unlink()
    assert problems(directory) == [f"{directory / NAME}:2: phq/phq-9.v1.yaml is not there"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x\n", "is not a hash, two spaces and a path"),
        ("\n", "is not a hash, two spaces and a path"),
        ("0" * 64 + " gad/gad-7.v1.yaml\n", "is not a hash, two spaces and a path"),
        ("0" * 63 + "  gad/gad-7.v1.yaml\n", "is not a hash, two spaces and a path"),
        ("0" * 64 + "  gad/gad-7.v1.yaml\n", "gad/gad-7.v1.yaml is listed twice"),
    ],
)
def test_a_line_that_is_none(directory: Path, line: str, message: str) -> None:
    with (directory / NAME).open("a") as file:
        file.write(line)
    with pytest.raises(DefinitionError) as refusal:
        Library([directory]).get("gad-7")
    assert str(refusal.value) == f"{directory / NAME}:3: {message}"


def test_only_named_files_are_looked_at_and_elsewhere_none_is_listed(directory: Path, tmp_path: Path) -> None:
    library = Library([directory])
    phq9 = directory / "phq/phq-9.v1.yaml"
    phq9.write_bytes(b"x: 1\n")
    assert checksum_problems(library, [directory / "gad/gad-7.v1.yaml"]) == []
    assert len(checksum_problems(library, [phq9])) == 1
    elsewhere = SHIPPED / "phq/phq-9.v1.yaml"
    assert checksum_problems(library, [elsewhere]) == []


def test_publishing_again_changes_nothing(directory: Path) -> None:
    before = (directory / NAME).read_bytes()
    assert publish(directory, [directory / "gad/gad-7.v1.yaml"]) == []
    assert (directory / NAME).read_bytes() == before


def test_a_published_file_cannot_be_published_changed(directory: Path) -> None:
    before = (directory / NAME).read_bytes()
    path = directory / "gad/gad-7.v1.yaml"
    path.write_bytes(path.read_bytes() + b"\n")
    new = directory / "pcs.v1.yaml"
    new.write_bytes((SHIPPED / "pcs/pcs.v1.yaml").read_bytes())
    with pytest.raises(DefinitionError, match="a correction is a new revision"):
        publish(directory, [new, path])
    assert (directory / NAME).read_bytes() == before


def test_a_file_from_elsewhere_cannot_be_published(directory: Path) -> None:
    with pytest.raises(DefinitionError, match="is not below"):
        publish(directory, [SHIPPED / "pcs/pcs.v1.yaml"])
