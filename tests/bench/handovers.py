"""1,000 kiosk hand-overs over HTTP and 100 in Chromium: nothing of the patient before is had, searched by canary.

Run: bin/bench handovers [over HTTP] [in Chromium]
"""

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from prom_server.store.database import Database
from tests.support import databases, handovers
from tests.support.handovers import ENDS, TabletInChromium
from tests.support.live_server import LiveServer
from tests.support.tablet_browser import ClinicWithTablet


def run(folder: Path, over_http: int, in_chromium: int) -> bool:
    url = databases.sqlite_url(folder / "handovers.sqlite3")
    database = Database(url)
    database.migrate()
    clinic = ClinicWithTablet(database, over_http + in_chromium + 1)
    began = time.monotonic()
    with LiveServer(url, folder) as server:
        tally = handovers.over_http(server, clinic, over_http)
        print(
            f"HTTP: {tally.visits} hand-overs ({', '.join(ENDS)}), {tally.probes} pages and posts searched afterwards: "
            f"{len(tally.found)} traces; {time.monotonic() - began:.0f} s",
            flush=True,
        )
        began, found = time.monotonic(), list(tally.found)
        with sync_playwright() as playwright, TabletInChromium(playwright.chromium, server.url, clinic) as tablet:
            for number in range(in_chromium):
                found += tablet.visit(clinic.people[over_http + number], ENDS[number % len(ENDS)])
            found += tablet.on_disk()
        print(f"Chromium: {in_chromium} hand-overs, the profile on disk searched too; {time.monotonic() - began:.0f} s")
    print(f"{len(found)} traces of a patient before")
    for each in found[:10]:
        print("  ", each)
    database.dispose()
    return not found


def main() -> None:
    over_http = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    in_chromium = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if run(Path(folder), over_http, in_chromium) else 1)


if __name__ == "__main__":
    main()
