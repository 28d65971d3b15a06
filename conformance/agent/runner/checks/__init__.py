"""The checks, one theme a file; each has a function `run(report, stack)`."""
