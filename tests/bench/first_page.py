"""A patient's first pages on a phone: bytes over the wire, and time to a usable form on a CPU slowed 4 times.

Run: bin/bench first_page. Exits 1 when a first page is heavier than 48 KB with all it loads, or a question is usable
later than 1.25 times a plain page of the same question. Medians of one run. Usable: painted, and its scripts ran.
"""

import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from prom_server.store.database import Database
from tests.support import clinic, databases, pages
from tests.support.browser import chromium_browser
from tests.support.live_server import LiveServer
from tests.support.phone import SIZE, Phone

MOST_BYTES = 48 * 1024
MOST_TIMES = 1.25
SLOWED = 4
TIMES = 15
USABLE = """() => {
  const [shown] = performance.getEntriesByType("navigation");
  const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
  return Math.max(shown.domContentLoadedEventEnd, painted) - shown.startTime;
}"""


def plain(html: str) -> bytes:
    """The same question as bare HTML: text, options, a button."""
    form = next(each for each in pages.read(html).forms if each.options)
    options = "".join(f"<p><label><input type=radio name=value value={v}>{v}</label>" for v in form.options["value"])
    words = html[html.index("<legend>") : html.index("</legend>")]
    return f"<!doctype html><title>plain</title><form method=post>{words}{options}<button>Next</button></form>".encode()


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def weight(context: BrowserContext, url: str) -> int:
    """Bytes over the wire with everything, headers included, into an empty cache."""
    page, received = context.new_page(), []
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(url, wait_until="networkidle")
    page.close()
    return int(sum(received))


def usable(page: Page, url: str) -> float:
    page.goto(url, wait_until="load")
    page.wait_for_timeout(200)
    return float(page.evaluate(USABLE))


def slowed(context: BrowserContext) -> Page:
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    return page


def measure(browser: Browser, server: LiveServer, link: str) -> bool:
    context = browser.new_context(viewport=SIZE)
    heavy = weight(context, f"{server.url}/a/{link}")
    phone = Phone(context.new_page())
    phone.begin(server.url, link)
    question = phone.page.url
    bare, html = plain(phone.page.request.get(question).text()), weight(context, question)
    with serving(bare) as plain_url:
        page, ours, theirs = slowed(context), [], []
        for _ in range(TIMES + 1):  # the first one fills the cache, as the pages before a question do
            ours.append(usable(page, question))
            theirs.append(usable(page, plain_url))
    first, second = statistics.median(ours[1:]), statistics.median(theirs[1:])
    print(f"first page (link): {heavy} bytes over the wire with everything; at most {MOST_BYTES}")
    print(f"a question opened with an empty cache: {html} bytes, with the questions fetched ahead")
    print(f"usable on a CPU slowed {SLOWED} x: {first:.0f} ms, plain page {second:.0f} ms, ratio {first / second:.2f}")
    return heavy <= MOST_BYTES and first <= MOST_TIMES * second


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        url = databases.sqlite_url(Path(name) / "first.sqlite3")
        database = Database(url)
        database.migrate()
        link = clinic.invitations_for(database, 1)[0]
        with LiveServer(url, Path(name)) as server, chromium_browser() as browser:
            fine = measure(browser, server, link)
        database.dispose()
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
