"""Darkroom: the Instagram backend a company runs in its own AWS account. docs/architecture.md draws this package."""

__version__ = "0.1.0"
