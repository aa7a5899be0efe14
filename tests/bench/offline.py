"""The line is cut for 30 seconds in the middle of the PHQ-9 on a phone: all nine answers arrive.

Run: bin/bench offline [seconds]
"""

import os
import sys

import pytest


def main() -> None:
    os.environ["PROM_CUT_SECONDS"] = sys.argv[1] if len(sys.argv) > 1 else "30"
    sys.exit(pytest.main(["-q", "--databases=sqlite", "tests/browser/test_offline.py", "-k", "cut_in_the_middle"]))


if __name__ == "__main__":
    main()
