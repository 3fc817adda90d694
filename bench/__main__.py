"""`make bench`: every benchmark, one after the other."""

import sys

from bench import cost, init, polling, schedules


def main() -> int:
    """The last one fails when a promise is broken."""
    init.main()
    print()
    cost.main()
    print()
    polling.main()
    print()
    return schedules.main([])


if __name__ == "__main__":
    sys.exit(main())
