"""Benchmarks. Each prints ratios measured side by side in one run, and names what it ran on."""
