"""One line for each check, and the closing line that CI reads."""

import time
import traceback


class Report:
    """Runs checks and counts. `secret` never gets into a line."""

    def __init__(self, secret, folder):
        self.secret, self.folder, self.passed, self.failed = secret, folder, 0, 0

    def check(self, name, function, *arguments):
        """Runs `function`; an exception is a failure, and its text the reason. Returns what the function returns."""
        start = time.monotonic()
        try:
            result = function(*arguments)
        except Exception as reason:
            self.failed += 1
            with open(self.folder / "failures.txt", "a", encoding="utf-8") as trace:
                trace.write(self.hide(f"{name}\n{traceback.format_exc()}\n"))
            while isinstance(reason, BaseExceptionGroup):
                reason = reason.exceptions[0]
            said = str(reason) if isinstance(reason, AssertionError) else f"{type(reason).__name__}: {reason}"
            print(self.hide(f"FAIL  {name}: {said}"), flush=True)
            return None
        self.passed += 1
        print(f"ok    {name} ({time.monotonic() - start:.1f} s)", flush=True)
        return result

    def theme(self, run, stack):
        """Runs a theme's checks; what breaks between them is one failure more."""
        try:
            run(self, stack)
        except Exception as reason:
            self.check(getattr(run, "__module__", "mcp"), raise_again, reason)

    def hide(self, text):
        return text.replace(self.secret, "<key>")

    def close(self):
        """Prints the closing line; returns the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def raise_again(reason):
    raise reason
