"""A patient's phone: a page in Chromium, what its console said, and what a finger does on it."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page
from sqlalchemy import select

from prom_server.store.assessments import Response
from prom_server.store.database import Database
from tests.support.clinic import TYPED_DATE

SIZE = {"width": 390, "height": 844}
DEAF_MS = 500  # after a page turn


@dataclass
class Phone:
    """A page with what its console said: errors, warnings, and what the policy refused."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")

    @property
    def path(self) -> str:
        return "/" + self.page.url.split("/", 3)[3]

    def begin(self, server_url: str, link: str) -> None:
        self.identify(server_url, link)
        self.page.get_by_role("button", name="Start").click()
        self.page.wait_for_url("**/answer/1/1")

    def identify(self, server_url: str, link: str) -> None:
        self.page.goto(f"{server_url}/a/{link}")
        for label, name in (("Month", "month"), ("Day", "day"), ("Year", "year")):
            self.page.get_by_label(label).fill(TYPED_DATE[name])
        self.page.get_by_role("button", name="Continue").click()
        self.page.wait_for_url("**/answer")

    def choose(self, place: int) -> None:
        """The option at that place; the label is what a finger hits."""
        self.page.locator("label.option").nth(place).click()

    def press(self, name: str) -> None:
        """Presses a button and waits until another address is shown."""
        before = self.page.url
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_url(lambda url: url != before)

    def next(self, place: int) -> None:
        self.choose(place)
        self.press("Next")

    def wait_until_ready(self) -> None:
        """Until the following page is there and the deaf moment is over: as long as anybody reads."""
        self.page.wait_for_timeout(DEAF_MS + 200)


def stored(database: Database) -> list[tuple[str, int | None]]:
    """Every response in the order in which it came."""
    with database.reading() as session:
        return [tuple(row) for row in session.execute(select(Response.item_id, Response.value).order_by(Response.id))]


def eventually(page: Page, database: Database, number: int) -> list[tuple[str, int | None]]:
    """The stored answers, when there are so many."""
    for _ in range(100):
        if len(found := stored(database)) >= number:
            return found
        page.wait_for_timeout(50)
    return stored(database)
