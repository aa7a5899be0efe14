"""What an answer to an adaptive instrument costs beside one to a fixed form: medians and ratios from one run.

Run: bin/bench adaptive [visits]. Exits 1 when a patient waits for the next adaptive item more than 1.3 times as long as
for the next one of a fixed form, in Chromium with scripts.
"""

import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page

from prom_server.core.refusals import Refusal
from prom_server.services import catalogue
from prom_server.store.database import Database
from tests.support import adaptive, clinic, databases
from tests.support.browser import chromium_browser
from tests.support.browsing import Browser, application
from tests.support.live_server import LiveServer
from tests.support.phone import DEAF_MS, SIZE, Phone

VISITS = 20
MOST_TIMES = 1.3
ITEMS = 3  # of a part, each followed by another one
PRESS_NEXT = """() => new Promise((shown) => {
  const form = document.querySelector("form[data-step]");
  form.querySelector("input[type=radio]").checked = true;
  const began = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => shown(performance.now() - began));
  }).observe(document.body, { childList: true });
  form.requestSubmit(form.querySelector(".next"));
})"""
KINDS = ("fixed", "adaptive")
REQUESTS = ("answer, shown", "answer, posted")


def measure(database: Database, folder: Path, visits: int) -> dict[tuple[str, str], list[float]]:
    """Milliseconds in this process, of whole batteries with fixed and adaptive parts, by kind of part and request."""
    app = application(database, folder, LOG_LEVEL="WARNING")
    found: dict[tuple[str, str], list[float]] = {(kind, request): [] for kind in KINDS for request in REQUESTS}
    links = clinic.invitations_for(database, visits, protocol=adaptive.PROTOCOL)
    battery = catalogue.protocol(adaptive.PROTOCOL).battery
    for number, link in enumerate(links):
        phone = Browser(app).begin(link)
        while phone.path != "/answer/thanks":
            if phone.path.endswith("/review"):
                phone.submit()
            elif phone.path.endswith(("/help", "/break")):
                phone.get("/answer/go-on")
            else:
                part = int(phone.path.split("/")[2])
                _answer(phone, found, KINDS[adaptive.is_adaptive(battery[part - 1])], number)
    return found


def _answer(phone: Browser, found: dict[tuple[str, str], list[float]], kind: str, number: int) -> None:
    path, form = phone.path, phone.page.form
    began = time.perf_counter()
    phone.client.get(path)
    shown = time.perf_counter()
    values = form.options["value"]
    reply = phone.client.post(path, data={**form.fields, "value": values[number % len(values)]})
    posted = time.perf_counter()
    if reply.status_code != 303:
        raise Refusal(f"{path}: {reply.status_code}")
    found[kind, REQUESTS[0]].append(1000 * (shown - began))
    found[kind, REQUESTS[1]].append(1000 * (posted - shown))
    phone.get(reply.location)


def run(kind: str, url: str, folder: Path, visits: int) -> None:
    database = Database(url)
    database.migrate()
    found = measure(database, folder, visits)
    print(f"{kind}: {visits} visits; medians in ms")
    print(f"  {'':16} {'fixed':>9} {'adaptive':>9}   ratio")
    for request in REQUESTS:
        fixed, adapted = (statistics.median(found[each, request]) for each in KINDS)
        print(f"  {request:16} {fixed:9.2f} {adapted:9.2f} {adapted / fixed:7.2f}")
    database.dispose()


def waited(page: Page, url: str, last: str) -> list[float]:
    """Milliseconds from Next to the next item, on one page after the other. `last`: what is fetched ahead of each."""
    with page.expect_response(last):
        page.goto(url)
    found = []
    for _ in range(ITEMS):
        page.wait_for_timeout(DEAF_MS + 500)
        found.append(float(page.evaluate(PRESS_NEXT)))
    return found


def in_browser(visits: int) -> bool:
    """How long a patient waits, with scripts."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with TemporaryDirectory() as name, chromium_browser() as chromium:
        url = databases.sqlite_url(Path(name) / "waits.sqlite3")
        databases.migrate(url)
        database = Database(url)
        links = clinic.invitations_for(database, visits, protocol=adaptive.PROTOCOL)
        with LiveServer(url, Path(name), {"LOG_LEVEL": "WARNING"}) as server:
            for link in links:
                context = chromium.new_context(viewport=SIZE)
                page, part = context.new_page(), f"/answer/{adaptive.part_number()}"
                Phone(page).begin(server.url, link)
                found["fixed"] += waited(page, f"{server.url}/answer/1/1", f"**/{ITEMS + 1}")
                found["adaptive"] += waited(page, f"{server.url}{part}/1", "**/1/ahead")
                context.close()
        database.dispose()
    fixed, adapted = (statistics.median(found[kind]) for kind in KINDS)
    print(f"from Next to the next item, in Chromium: fixed {fixed:.1f} ms, adaptive {adapted:.1f} ms, ", end="")
    print(f"ratio {adapted / fixed:.2f}")
    return adapted <= MOST_TIMES * fixed


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else VISITS
    for kind, url, folder in databases.empty_of_each_kind():
        run(kind, url, folder, visits)
    sys.exit(0 if in_browser(max(1, visits // 5)) else 1)


if __name__ == "__main__":
    main()
