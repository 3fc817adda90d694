"""One module per command: `add_to` declares it, `run` does it and returns the exit code."""
