"""100,000 schedules over the changes of clocks of all time zones, 2020 to 2035: each due once, on the right local day.

Run: bin/bench schedules [schedules]
"""

import random
import sys
import time
from zoneinfo import available_timezones

from prom_server.definitions.library import Library
from tests.support import schedules


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    library = Library.shipped()
    series = library.protocol("ketamine-five-day")
    protocols = [series, schedules.in_months(series), library.protocol("psychotherapy-every-4-weeks")]
    zones = sorted(available_timezones())
    began = time.monotonic()
    changes = sum(len(schedules.transitions(zone)) for zone in zones)
    print(f"{len(zones)} zones, {changes} changes of their clocks")
    followed = instants = 0
    for each in schedules.drawn(number, protocols, zones, random.Random(2035)):
        walked = schedules.walk(each)
        followed, instants = followed + walked[0], instants + walked[1]
    print(f"{number} schedules, {followed} assessments, {instants} instants; each as counted by hand")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
