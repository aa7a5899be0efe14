"""Shows the application's pages to Chromium, however they can be had, and collects what is wrong with them.

The pages come from the application in this process, so that every one of them can be had without waiting: a browser
without scripts walks there, and Chromium is shown what it sees.
"""

from dataclasses import asdict
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, Route

from prom_server.core.preferences import CONTRASTS, Preferences
from prom_server.demo import cast
from tests.support import axe
from tests.support.browsing import Browser

WIDTHS = (390, 1440)
NARROWEST = 320  # 1280 at 400 %
ORIGIN = "http://localhost"
SHOWN = "/shown"
NAMES = {name for person in cast.CAST for name in (person.given, person.family)} | {"Alice"}
MEASURE = """() => {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(
    (each) => each.getBoundingClientRect().right > root.clientWidth + 1);
  return {
    over: root.scrollWidth - root.clientWidth,
    wide: wide.slice(0, 3).map((each) => each.tagName + "." + each.className),
    h1: document.querySelectorAll("h1").length,
    main: document.querySelectorAll("main").length,
    looks: { language: root.lang, text_size: root.dataset.text, contrast: root.dataset.theme },
  };
}"""
SHOW = "([name, value]) => { document.documentElement.dataset[name] = value; }"


class Inspector:
    """Shows pages at each width, a patient's in all colours and with the largest text too."""

    def __init__(self, context: BrowserContext, app: Flask) -> None:
        self.browser = Browser(app)  # whose pages are shown
        self.html, self.headers = "", {}
        self.found: dict[str, list[str]] = {}
        self.seen: list[str] = []
        self.looks: Preferences | None = None  # of every page that is shown, as the server made it
        self.heard_at = WIDTHS  # where axe runs; everything else is measured at each width
        self.page: Page = context.new_page()
        self.page.emulate_media(reduced_motion="reduce")  # a colour on its way to another one is neither
        self.page.on("console", lambda message: self._said(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self._said(str(error)))
        context.route("**/*", self._serve)

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == SHOWN:
            route.fulfill(status=200, headers=self.headers, body=self.html)
            return
        with self.browser.client.get(path) as response:
            route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.data)

    def _said(self, words: str) -> None:
        self._note(self.seen[-1], f"console: {words}")

    def _note(self, name: str, *problems: str) -> None:
        if problems:
            self.found.setdefault(name, []).extend(problems)

    def look(self, name: str, shown_by: Browser | None = None) -> None:
        """At what this browser shows."""
        browser = shown_by or self.browser
        kept = {"Content-Type", "Content-Security-Policy"}
        self.headers = {key: value for key, value in browser.response.headers.items() if key in kept}
        self.show(name, browser.response.text)

    def show(self, name: str, html: str) -> None:
        self.html = html
        self.seen.append(name)
        self.page.goto(ORIGIN + SHOWN)
        for width in WIDTHS:
            self._resize(width)
            self._note(name, *self._measured(width))
            if width in self.heard_at:
                self._note(name, *self._heard(f"{width}"))
        if self.looks:
            self._note(name, *self._in_every_look())

    def _resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 844})

    def _heard(self, how: str, *rules: str) -> list[str]:
        found = axe.violations(self.page, *rules)
        return [f"{how}: {found}"] if found else []

    def _in_every_look(self) -> list[str]:
        """Other colours and sizes are attributes of the same page: only what they can spoil is looked at again."""
        found = []
        for theme in set(CONTRASTS) - {"auto", self.looks.contrast if self.looks else "auto"}:
            self.page.evaluate(SHOW, ["theme", theme])
            found += self._heard(theme, "color-contrast", "link-in-text-block")
        self._resize(NARROWEST)
        self.page.evaluate(SHOW, ["text", "largest"])
        found += self._heard("largest", "target-size")
        return found + self._sideways(NARROWEST, self.page.evaluate(MEASURE))

    @staticmethod
    def _sideways(width: int, facts: dict[str, Any]) -> list[str]:
        return [f"{width}: scrolls sideways by {facts['over']} px: {facts['wide']}"] if facts["over"] > 0 else []

    def _measured(self, width: int) -> list[str]:
        facts: dict[str, Any] = self.page.evaluate(MEASURE)
        expected = asdict(self.looks) if self.looks else {}
        title = self.page.title()
        checks = {
            f"looks like {facts['looks']}": not expected or facts["looks"] == expected,
            f"{width}: {facts['h1']} h1": facts["h1"] == 1,
            f"{width}: {facts['main']} main": facts["main"] == 1,
            f"title: {title!r}": bool(title.strip()) and not any(name in title for name in NAMES),
        }
        return self._sideways(width, facts) + [problem for problem, fine in checks.items() if not fine]

    def assert_fine(self) -> None:
        told = [f"{name}\n  " + "\n  ".join(problems) for name, problems in self.found.items()]
        if told:
            pytest.fail("\n\n".join(told), pytrace=False)
