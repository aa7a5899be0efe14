"""What an answer to an adaptive instrument costs beside one to a fixed form: medians and ratios from one run.

Run: bin/bench adaptive [visits]
"""

import statistics
import sys
import time
from pathlib import Path

from prom_server.core.refusals import Refusal
from prom_server.services import catalogue
from prom_server.store.database import Database
from tests.support import adaptive, clinic, databases
from tests.support.browsing import Browser, application

VISITS = 20
KINDS = ("fixed", "adaptive")
REQUESTS = ("answer, shown", "answer, posted")


def measure(database: Database, folder: Path, visits: int) -> dict[tuple[str, str], list[float]]:
    """Milliseconds in this process, of whole batteries with fixed and adaptive parts, by kind of part and request."""
    app = application(database, folder)
    found: dict[tuple[str, str], list[float]] = {(kind, request): [] for kind in KINDS for request in REQUESTS}
    links = clinic.invitations_for(database, visits, protocol=adaptive.PROTOCOL)
    battery = catalogue.protocol(adaptive.PROTOCOL).battery
    for number, link in enumerate(links):
        phone = Browser(app).begin(link)
        while phone.path != "/answer/thanks":
            if phone.path.endswith("/review"):
                phone.submit()
            elif phone.path.endswith("/help"):
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


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else VISITS
    for kind, url, folder in databases.empty_of_each_kind():
        run(kind, url, folder, visits)


if __name__ == "__main__":
    main()
