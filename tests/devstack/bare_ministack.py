"""MiniStack as it comes, for the tests that show its defects."""

from ministack.app import main

if __name__ == "__main__":
    main()
