"""Accessibility: axe-core on a page, with its findings as text that says what to mend."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def violations(page: Page) -> str:
    """What axe finds wrong on the page as it stands; empty when nothing is."""
    found = Axe().run(page, options=RULES).response["violations"]
    return "\n".join(_told(violation) for violation in found)


def assert_accessible(page: Page) -> None:
    found = violations(page)
    assert not found, f"{page.url}\n{found}"


def _told(violation: dict[str, Any]) -> str:
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}"]
    for node in violation["nodes"]:
        lines += [f"  {' '.join(map(str, node['target']))}", f"    {node['html']}"]
        lines += [f"    {line}" for line in node["failureSummary"].splitlines()]
    return "\n".join(lines)
