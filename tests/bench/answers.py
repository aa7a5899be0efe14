"""What it costs to store an answer, beside the least that could: Flask, one row, one commit. Medians of one run.

Run: bin/bench answers [visits]. Both servers run at once, one request here and one there in turn, on either database.
Exits 1 when an answer takes more than 3 times the reference.
"""

import http.client
import statistics
import sys
import time
import urllib.parse
from pathlib import Path

from prom_server.store.database import Database
from tests.support import clinic, databases
from tests.support.live_server import LiveServer
from tests.support.pages import Form
from tests.support.patient import Patient

VISITS = 10
MOST_TIMES = 3
ROOT = Path(__file__).parents[2]
REFERENCE = (sys.executable, "-m", "tests.bench._reference")
SENT = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class Line:
    """One connection, kept open as a browser does."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def post(self, path: str, fields: dict[str, str], cookie: str = "") -> float:
        """As our script does. Milliseconds until the whole reply is there."""
        body, headers = urllib.parse.urlencode(fields), SENT | {"Cookie": cookie}
        began = time.perf_counter()
        self.connection.request("POST", path, body, headers)
        reply = self.connection.getresponse()
        reply.read()
        took = 1000 * (time.perf_counter() - began)
        if reply.status != 200:
            raise AssertionError(f"{path}: {reply.status}")
        return took


def visit(patient: Patient, ours: Line, reference: Line, number: int) -> list[tuple[float, float]]:
    """Each answer of a visit, here and there."""
    found = []
    while not patient.path.endswith("/thanks"):
        if patient.path.endswith("/review"):
            patient.submit()
        elif patient.page.form.options:
            found.append(answer(patient, patient.page.form, ours, reference, number))
            patient.get("/answer/go-on")
        else:
            patient.get("/answer/go-on")
    return found


def answer(patient: Patient, form: Form, ours: Line, reference: Line, number: int) -> tuple[float, float]:
    values = form.options["value"]
    fields = form.fields | {"value": values[number % len(values)], "delay": "0", "seconds": "4", "device": "phone"}
    cookie = "; ".join(f"{name}={value}" for name, value in patient.cookies.items())
    return ours.post(patient.path, fields, cookie), reference.post("/", fields)


def run(kind: str, url: str, folder: Path, visits: int) -> bool:
    database = Database(url)
    database.migrate()
    links = clinic.invitations_for(database, visits + 1, protocol=clinic.DEFAULT)
    database.dispose()
    theirs = databases.sqlite_url(folder / "reference.sqlite3") if kind == "sqlite" else url
    quiet = {"LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT)}
    with LiveServer(url, folder, quiet) as server, LiveServer(theirs, folder, quiet, REFERENCE) as reference:
        lines = Line(server.port), Line(reference.port)
        took = [visit(Patient(server.port).begin(link), *lines, number) for number, link in enumerate(links)]
    pairs = [pair for each in took[1:] for pair in each]  # the first visit warms both
    mine, least = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{kind}: {len(pairs)} answers, p50 {mine:.2f} ms; reference {least:.2f} ms; ratio {mine / least:.2f}")
    return mine <= MOST_TIMES * least


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else VISITS
    fine = [run(*each, visits) for each in databases.empty_of_each_kind()]
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
