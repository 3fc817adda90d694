"""`make bench`: every benchmark, one after the other."""

from bench import cost, init, polling


def main() -> None:
    init.main()
    print()
    cost.main()
    print()
    polling.main()


if __name__ == "__main__":
    main()
