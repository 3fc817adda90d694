"""Starts MiniStack's own `main` with its defects mended."""

from ministack.app import main

from devstack.workarounds.server import install

if __name__ == "__main__":
    install()
    main()
