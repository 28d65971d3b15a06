"""What the provider saw and sent, one JSON object a line, for the oracle. The key never gets into it."""

import json
import time

HIDDEN = "<the provider's key>"


class Journal:
    """Appends entries to a file; `key` is replaced wherever it stands in a header."""

    def __init__(self, path, key):
        self.file = open(path, "a", encoding="utf-8")
        self.key = key

    def write(self, event, **fields):
        """One entry. Fields: see the callers; `headers` are (name, value) pairs in wire order."""
        if "headers" in fields:
            fields["headers"] = [(name, value.replace(self.key, HIDDEN)) for name, value in fields["headers"]]
        self.file.write(json.dumps({"ev": event, "t": time.time(), **fields}, ensure_ascii=False) + "\n")
        self.file.flush()
