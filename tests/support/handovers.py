"""Hand-overs on one tablet, each ended in another way; then all that the next person could try is tried and searched.

Canaries are what only the patient before has: name, record number, ids; and what only a page of questions says.
"""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.sync_api import BrowserContext, BrowserType, Page
from playwright.sync_api import Error as ChromiumError

from tests.support import pages
from tests.support.browser import FLAGS, executable
from tests.support.clinic import TYPED_DATE
from tests.support.live_server import LiveServer
from tests.support.pages import Form
from tests.support.patient import Patient
from tests.support.tablet_browser import COOKIE, ClinicWithTablet, Person, type_birth_date

ENDS = ("finish", "cancel", "time-out", "crash")
QUESTIONS = ("Feelings", "Little interest", "More than half the days", "phq1", "phq2")
ADDRESSES = (
    "/answer",
    "/answer/1/1",
    "/answer/1/2",
    "/answer/1/review",
    "/answer/go-on",
    "/answer/thanks",
    "/kiosk/here",
)
DEAF_MS = 520


@dataclass
class Tally:
    visits: int = 0
    probes: int = 0
    found: list[str] = field(default_factory=list)

    def search(self, what: str, text: str, canaries: tuple[str, ...]) -> None:
        self.probes += 1
        self.found += [f"{what}: {each}" for each in canaries if each in text]


def canaries_of(person: Person) -> tuple[str, ...]:
    return (*person.canaries, person.assessment, *QUESTIONS)


def step_form(found: list[Form]) -> Form:
    return next(each for each in found if "/answer/" in each.action and "sequence" in each.fields)


# ---- Over HTTP


def over_http(server: LiveServer, clinic: ClinicWithTablet, visits: int) -> Tally:
    """So many visits on one tablet. The clinic needs one patient more: who comes after a crash."""
    tally = Tally()
    for number in range(visits):
        _visit(server, clinic, clinic.people[number], ENDS[number % len(ENDS)], tally)
        tally.visits += 1
    return tally


def _visit(server: LiveServer, clinic: ClinicWithTablet, person: Person, end: str, tally: Tally) -> None:
    tablet = _begun(server, clinic, person)
    for _ in range(2):
        tablet.submit(step_form(tablet.page.forms), value="2")
    old_form, old_cookies = step_form(tablet.page.forms), dict(tablet.cookies)
    if end == "finish":
        _answer_the_rest(tablet)
    elif end == "cancel":
        tablet.get("/kiosk/stop").submit(next(each for each in tablet.page.forms if each.action == "/kiosk/stop"))
    elif end == "time-out":
        clinic.pass_time(400)
    else:  # the browser's session is gone with it, and the next patient begins
        tablet = _begun(server, clinic, clinic.people[-1])
        tablet.get("/kiosk/stop").submit(next(each for each in tablet.page.forms if each.action == "/kiosk/stop"))
    canaries = canaries_of(person)
    for cookies in (tablet.cookies, old_cookies):
        browser = Patient(server.port, cookies=dict(cookies))
        for address in ADDRESSES:
            browser.get(address)
            tally.search(f"{end} GET {address}", browser.text, canaries)
        before = clinic.responses()
        browser.post(old_form.action, {**old_form.fields, "value": "3"})
        tally.search(f"{end} POST", browser.text, canaries)
        if clinic.responses() != before:
            tally.found.append(f"{end}: an old form was stored")
    tablet.get("/kiosk")
    tally.search(f"{end} start", tablet.text, canaries)


def _begun(server: LiveServer, clinic: ClinicWithTablet, person: Person) -> Patient:
    clinic.hand_over(person)
    tablet = Patient(server.port, cookies={COOKIE: clinic.credential})
    tablet.get("/kiosk")
    tablet.submit(next(each for each in tablet.page.forms if each.action == "/kiosk/birth-date"), **TYPED_DATE)
    if tablet.path == "/answer":
        tablet.submit(next(each for each in tablet.page.forms if each.action in {"", "/answer"}))
    return tablet


def _answer_the_rest(tablet: Patient) -> None:
    while tablet.path != "/answer/thanks":
        _press(tablet)


def _press(tablet: Patient) -> None:
    if tablet.path.endswith("/review"):
        tablet.submit(next(each for each in tablet.page.forms if each.action in {"", tablet.path}))
    else:
        tablet.submit(step_form(tablet.page.forms), value="0")


# ---- In Chromium


class TabletInChromium:
    """One tablet with a profile on disk, which outlives a crash; pages may be kept for Back as on a real one."""

    def __init__(self, chromium: BrowserType, url: str, clinic: ClinicWithTablet, *, scripts: bool = True) -> None:
        self.chromium, self.url, self.clinic, self.scripts = chromium, url, clinic, scripts
        self.profile = Path(tempfile.mkdtemp(prefix="tablet-"))
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        self._open()
        expires = 2_000_000_000
        cookie = {"name": COOKIE, "value": self.clinic.credential, "url": self.url, "expires": expires}
        self.context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Strict"}])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _open(self) -> None:
        self.context: BrowserContext = self.chromium.launch_persistent_context(
            str(self.profile),
            executable_path=executable(),
            args=FLAGS,
            ignore_default_args=["--disable-back-forward-cache"],
            viewport={"width": 768, "height": 1024},
            java_script_enabled=self.scripts,
        )
        self.page: Page = self.context.pages[0] if self.context.pages else self.context.new_page()

    def visit(self, person: Person, end: str) -> list[str]:
        """One patient begins, answers twice and ends so; what of them was found afterwards."""
        tally, canaries = Tally(), canaries_of(person)
        self._begin(person)
        old_form = step_form(pages.read(self.page.content()).forms)
        old_cookie = next(each["value"] for each in self.context.cookies() if each["name"] == "prom")
        getattr(self, "_" + end.replace("-", "_"))()
        self._look_back(end, tally, canaries)
        self._send_again(end, old_form, old_cookie, tally, canaries)
        self.page.goto(f"{self.url}/kiosk")
        tally.search(f"{end} start", self.page.content(), canaries)
        if self.scripts:
            kept = self.page.evaluate(
                "async () => [localStorage.length, sessionStorage.length, (await caches.keys()).length,"
                " (await indexedDB.databases()).length]"
            )
            if kept != [0, 0, 0, 0]:
                tally.found.append(f"{end}: storage {kept}")
        return tally.found

    def on_disk(self) -> list[str]:
        """What a search of the whole profile finds, of everybody who was here. Closes the browser first."""
        self.context.close()
        found = []
        for file in self.profile.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                found += [f"{file.name}: {each}" for each in self.seen if each.encode() in content]
        self._open()
        return found

    def _begin(self, person: Person) -> None:
        self.seen |= {*person.canaries, *QUESTIONS[1:3]}
        self.clinic.hand_over(person)
        self.page.goto(f"{self.url}/kiosk")
        type_birth_date(self.page)
        self.page.get_by_role("button", name="Start").click()
        for number in (1, 2):
            self.page.wait_for_url(f"**/answer/1/{number}")
            self.page.wait_for_timeout(DEAF_MS if self.scripts else 0)
            self.page.locator("label.option").nth(2).click()
            self.page.get_by_role("button", name="Next").click()
        self.page.wait_for_url("**/answer/1/3")

    def _finish(self) -> None:
        """The rest is answered in the same session, without waiting for every page to be drawn."""
        cookies = {each["name"]: each["value"] for each in self.context.cookies()}
        quick = Patient(int(self.url.rpartition(":")[2]), cookies=cookies)
        quick.get("/answer/1/3")
        while quick.path != "/answer/2/review":
            _press(quick)
        self.page.goto(f"{self.url}/answer/2/review")
        self.page.get_by_role("button", name="Send this part").click()
        self.page.get_by_text("Please give the tablet back to the desk.").wait_for()

    def _cancel(self) -> None:
        self.page.get_by_role("link", name="Stop here").click()
        self.page.get_by_role("button", name="Stop and give the tablet back").click()
        self.page.wait_for_url("**/kiosk")

    def _time_out(self) -> None:
        self.clinic.pass_time(400)
        self.page.reload()
        self.page.wait_for_url("**/kiosk")

    def _crash(self) -> None:
        """The page's process dies, then the browser; it starts again with the same profile, after the time-out."""
        with contextlib.suppress(ChromiumError):
            self.page.goto("chrome://crash", timeout=2000)
        self.context.close()
        self.clinic.pass_time(400)
        self._open()
        self.page.goto(f"{self.url}/kiosk")

    def _look_back(self, end: str, tally: Tally, canaries: tuple[str, ...]) -> None:
        for number in range(6):
            with contextlib.suppress(ChromiumError):
                self.page.go_back(timeout=3000)
            tally.search(f"{end} Back {number + 1}", self.page.content(), canaries)
        self.page.goto(f"{self.url}/kiosk")
        self.page.reload()
        tally.search(f"{end} reload", self.page.content(), canaries)
        for address in ADDRESSES:
            self.page.goto(self.url + address)
            tally.search(f"{end} GET {address}", self.page.content(), canaries)

    def _send_again(self, end: str, old: Form, old_cookie: str, tally: Tally, canaries: tuple[str, ...]) -> None:
        before = self.clinic.responses()
        now = {each["name"]: each["value"] for each in self.context.cookies()}
        for cookies in (now, now | {"prom": old_cookie}):
            browser = Patient(int(self.url.rpartition(":")[2]), cookies=dict(cookies))
            browser.post(old.action, {**old.fields, "value": "3"})
            tally.search(f"{end} POST", browser.text, canaries)
            for address in ADDRESSES:
                tally.search(f"{end} old cookie {address}", browser.get(address).text, canaries)
        if self.clinic.responses() != before:
            tally.found.append(f"{end}: an old form was stored")
