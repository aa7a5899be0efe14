"""Accessibility: axe-core on a page, with its findings as text that says what to mend."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # what passed is not told in full: most of the time went there
}
RUN = "async options => (await axe.run(options)).violations"


def violations(page: Page, *rules: str) -> str:
    """What axe finds wrong on the page as it stands, by all rules or by these; empty when nothing is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = OPTIONS | ({"runOnly": {"type": "rule", "values": list(rules)}} if rules else {})
    return "\n".join(_told(violation) for violation in page.evaluate(RUN, options))


def assert_accessible(page: Page) -> None:
    found = violations(page)
    assert not found, f"{page.url}\n{found}"


def _told(violation: dict[str, Any]) -> str:
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}"]
    for node in violation["nodes"]:
        lines += [f"  {' '.join(map(str, node['target']))}", f"    {node['html']}"]
        lines += [f"    {line}" for line in node["failureSummary"].splitlines()]
    return "\n".join(lines)
