"""600 patients at once, one page every 8 seconds each, against the real server: p95, errors, nothing lost.

Run: bin/bench patients [minutes] [patients] [sqlite|postgresql]. Exits 1 when a page fails, an acknowledged answer is
missing or p95 is above 200 ms. Patients and server share the machine's cores. A page is what a phone asks for: the
answer sent by the script, then the page that follows. They arrive over the first half minute, all of which counts.
"""

import asyncio
import html
import random
import re
import statistics
import sys
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from prom_server.core.tokens import hash_token
from prom_server.store.assessments import Administration, Response
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation
from tests.support import clinic, databases
from tests.support.clinic import TYPED_DATE
from tests.support.live_server import LiveServer

PACE = 8  # seconds a page
ARRIVAL = 32  # seconds until all are there
P95_MS = 200
PAGES = 59 + 8  # of one visit: items, reviews, welcome
FIELD = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)"')
WHOLE, AHEAD = "Accept: text/html", "Accept: text/html\r\nX-Only: main"  # a page, and one that our script asks for
STEP = re.compile(r"/answer/(\d+)/\d+")
OPTION = re.compile(rb'type="radio" name="value" value="(\d+)"')

Stored = dict[tuple[str, int, str], list[int | None]]


@dataclass
class Tally:
    took: dict[str, list[float]] = field(default_factory=dict)  # milliseconds by kind of request
    statuses: Counter[int] = field(default_factory=Counter)
    answers: dict[tuple[str, int, str], int] = field(default_factory=dict)  # acknowledged
    cut: int = 0

    @property
    def all(self) -> list[float]:
        return [each for kind in self.took.values() for each in kind]


class Line:
    """One browser's connection, kept open: requests, cookies, times."""

    def __init__(self, port: int, tally: Tally) -> None:
        self.port, self.tally = port, tally
        self.cookies: dict[bytes, bytes] = {}
        self.reader: asyncio.StreamReader | None = None

    async def ask(
        self,
        kind: str,
        method: str,
        path: str,
        fields: dict[str, str] | None = None,
        headers: str = "Accept: text/html",
    ) -> tuple[str | None, bytes]:
        """Where it redirects to, and what it says."""
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = urllib.parse.urlencode(fields).encode() if fields is not None else b""
        cookie = b"; ".join(name + b"=" + value for name, value in self.cookies.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}\r\n"
        if fields is not None:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        began = time.perf_counter()
        self.writer.write(head.encode() + b"Cookie: " + cookie + b"\r\n\r\n" + body)
        reply = (await self.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        status, length, location = int(reply[0].split()[1]), 0, None
        for line in reply[1:]:
            name, _, value = line.partition(b": ")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"location":
                location = value.decode()
            elif name.lower() == b"set-cookie":
                key, _, rest = value.partition(b"=")
                self.cookies[key] = rest.partition(b";")[0]
        said = await self.reader.readexactly(length)
        self.tally.took.setdefault(kind, []).append(1000 * (time.perf_counter() - began))
        self.tally.statuses[status] += 1
        return location, said


def fields_of(page: bytes) -> dict[str, str]:
    """The hidden fields of the form that leads on; the one for text and colours comes after it."""
    form = next(each for each in page.split(b"<form")[1:] if b'method="post"' in each)
    return {name.decode(): html.unescape(value.decode()) for name, value in FIELD.findall(form)}


async def visit(line: Line, link: str, until: float, chance: random.Random) -> None:
    """One whole visit at the pace of a person, or as far as the time goes."""
    _, page = await line.ask("link", "GET", f"/a/{link}")
    path, _ = await line.ask("birth date", "POST", f"/a/{link}", fields_of(page) | TYPED_DATE)
    headers = WHOLE
    while path is not None and "thanks" not in path and time.monotonic() < until:
        _, page = await line.ask("page", "GET", path, headers=headers)
        await asyncio.sleep(PACE * (0.5 + chance.random()))
        headers = AHEAD if STEP.fullmatch(path) else WHOLE
        path = await turn(line, link, path, page, chance)


async def turn(line: Line, link: str, path: str, page: bytes, chance: random.Random) -> str | None:
    """What a person does on a page; where that leads."""
    if path.endswith(("/help", "/break")):
        return "/answer/go-on"
    step = STEP.fullmatch(path)
    if step is None:
        if path == "/answer/go-on":
            return (await line.ask("page", "GET", path))[0]
        return (await line.ask("submit", "POST", path, fields_of(page)))[0]
    fields, value = fields_of(page), chance.choice(OPTION.findall(page)).decode()
    fields |= {"value": value, "delay": "0", "seconds": "4", "device": "phone"}
    _, said = await line.ask("answer", "POST", path, fields, headers="Accept: application/json")
    found = re.search(rb'"next": ?"([^"]+)"', said)
    if found is None:
        raise AssertionError(said[:200])
    line.tally.answers[link, int(step[1]), fields["item"]] = int(value)
    return found[1].decode()


async def patient(port: int, links: list[str], until: float, wait: float, tally: Tally, seed: int) -> None:
    await asyncio.sleep(wait)
    chance = random.Random(seed)
    while links and time.monotonic() < until:
        line = Line(port, tally)
        try:
            await visit(line, links.pop(), until, chance)
        except (OSError, asyncio.IncompleteReadError):
            tally.cut += 1
        finally:
            if line.reader is not None:
                line.writer.close()


async def crowd(port: int, links: list[str], patients: int, seconds: float) -> Tally:
    tally, until = Tally(), time.monotonic() + seconds
    await asyncio.gather(
        *(patient(port, links, until, ARRIVAL * each / patients, tally, each) for each in range(patients))
    )
    return tally


def lost(database: Database, tally: Tally) -> list[str]:
    """Every acknowledged answer that is not stored exactly once."""
    stored: Stored = {}
    with database.reading() as session:
        rows = session.execute(
            select(Invitation.token_hash, Administration.position, Response.item_id, Response.value)
            .join(Administration, Administration.assessment_id == Invitation.assessment_id)
            .join(Response, Response.administration_id == Administration.id)
        )
        for token_hash, part, item, value in rows:
            stored.setdefault((token_hash, part, item), []).append(value)
    return [
        f"{part}/{item}: acknowledged {value}, stored {stored.get((hash_token(link), part, item))}"
        for (link, part, item), value in tally.answers.items()
        if stored.get((hash_token(link), part, item)) != [value]
    ]


def run(kind: str, url: str, folder: Path, patients: int, minutes: float) -> bool:
    database = Database(url)
    database.migrate()
    visits_each = 1 + int(60 * minutes / PACE / PAGES)
    links = clinic.invitations_for(database, patients * visits_each, protocol=clinic.DEFAULT)
    workers = "1" if kind == "sqlite" else "2"
    with LiveServer(url, folder, {"WORKERS": workers, "LOG_LEVEL": "WARNING"}) as server:
        tally = asyncio.run(crowd(server.port, links, patients, 60 * minutes))
    missing = lost(database, tally)
    database.dispose()
    p95 = report(kind, tally, patients, minutes, missing)
    errors = sum(count for status, count in tally.statuses.items() if status >= 400) + tally.cut
    return not missing and not errors and p95 <= P95_MS


def report(kind: str, tally: Tally, patients: int, minutes: float, missing: list[str]) -> float:
    p95 = statistics.quantiles(tally.all, n=20)[-1]
    print(
        f"{kind}: {patients} patients, {minutes:g} minutes, {len(tally.all)} requests "
        f"({len(tally.all) / 60 / minutes:.0f} a second): p50 {statistics.median(tally.all):.0f} ms, p95 {p95:.0f} ms, "
        f"most {max(tally.all):.0f} ms; statuses {dict(tally.statuses)}, {tally.cut} connections cut; "
        f"{len(tally.answers)} answers acknowledged, {len(missing)} not stored exactly once"
    )
    for name, took in tally.took.items():
        p50, its_p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
        print(f"  {name:<11}{len(took):>7}  p50 {p50:6.1f} ms  p95 {its_p95:6.1f} ms")
    for each in missing[:10]:
        print("  ", each)
    return p95


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    patients = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    fine = [run(*each, patients, minutes) for each in databases.empty_of_each_kind(*sys.argv[3:])]
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
