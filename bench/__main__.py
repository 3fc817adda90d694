"""`make bench`: every benchmark, one after the other."""

import sys

from bench import cost, init, polling, schedules, telling, webhooks


def main() -> int:
    """The last two fail when a promise is broken."""
    init.main()
    print()
    cost.main()
    print()
    polling.main()
    print()
    telling.main([])
    print()
    failed = schedules.main([])
    print()
    return webhooks.main([]) or failed


if __name__ == "__main__":
    sys.exit(main())
