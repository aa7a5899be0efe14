"""The repository itself: no trace of one machine, pages with titles, a valid licence, links that lead somewhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from tests.tools import catalogue

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
# In pieces, so that this file does not contain what it forbids.
FORBIDDEN = [
    re.compile(r"(?<![\w.*-])/(?:" + "work" + r"|tmp/" + "w)/"),
    re.compile(r"(?<![\w.])/(?:home/\w|root/\w|opt/" + "wheels)"),
    re.compile(r"\b(?:" + "pypi" + r"\.org|python" + r"hosted\.org|registry\.npm" + r"js\.org|deb\.debian" + r"\.org)"),
    re.compile(r"--(?:extra-)?index" + r"-url|--find" + "-links"),
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def repository_files() -> list[Path]:
    """What git tracks or would track."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture or a font


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in repository_files()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if any(pattern.search(line) for pattern in FORBIDDEN)
    ]
    assert found == []


def is_page(path: Path) -> bool:
    inside = path.relative_to(ROOT / "templates").parts
    return path.suffix == ".html" and not any(part.startswith("_") for part in inside)


def test_every_page_has_a_title_or_extends_one_that_has() -> None:
    pages = [path for path in sorted((ROOT / "templates").rglob("*.html")) if is_page(path)]
    without = [
        str(path.relative_to(ROOT))
        for path in pages
        if not re.search(r"\{%-?\s*(block title|extends)\b|<title>", path.read_text())
    ]
    assert without == []


def test_the_licence_is_an_spdx_expression_with_a_text_for_each_part() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert canonicalize_license_expression(project["license"]) == project["license"]
    for part in project["license"].split(" AND "):
        assert part == "Apache-2.0" or (ROOT / "LICENSES" / f"{part}.txt").is_file(), part
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text_of(path))
    }


def leads_nowhere(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return False
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if target.is_relative_to(PICTURES) and not PICTURES.exists():
        return False  # until the first picture is taken
    return not target.exists() or bool(anchor and anchor not in anchors(target))


@pytest.mark.parametrize(
    "page", [path for path in repository_files() if path.suffix == ".md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(text_of(page)) if leads_nowhere(page, link)] == []


def test_the_catalogue_has_neither_dates_nor_line_numbers() -> None:
    for text in catalogue.expected().values():
        assert "Creation-Date" not in text
        assert not re.search(r"^#: .*:\d+$", text, re.MULTILINE)


def test_the_locks_carry_a_hash_for_every_package() -> None:
    for lock in ("run", "dev", "build", "boot"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        for requirement in re.split(r"\n(?=\w)", text):
            assert "--hash=sha256:" in requirement, requirement.splitlines()[0]
