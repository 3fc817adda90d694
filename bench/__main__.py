"""`make bench`: every benchmark, one after the other."""

from bench import cost, init


def main() -> None:
    init.main()
    print()
    cost.main()


if __name__ == "__main__":
    main()
