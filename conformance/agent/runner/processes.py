"""Starts programs, waits for what they say, and ends every one of them, come what may."""

import contextlib
import json
import os
import signal
import subprocess
import time

# Long enough for a loaded machine; only a failure waits it out.
PATIENCE = 120


class Ended(Exception):
    """A program ended, or said nothing, while something was expected of it."""


def wait_until(what, condition, seconds=PATIENCE):
    """Returns the first true value of `condition()`; raises Ended when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Ended(f"waited {seconds} s for {what}")
        time.sleep(0.02)
    return value


class Process:
    """One running program; its standard output and error grow in files."""

    def __init__(self, name, folder, command, environment):
        self.name, self.output, self.errors = name, folder / f"{name}.out", folder / f"{name}.err"
        with open(self.output, "wb") as out, open(self.errors, "wb") as err:
            # A session of its own: what it starts ends with it, and Ctrl-C reaches us first.
            self.popen = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def said(self):
        """All of its output and errors so far."""
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def wait_for(self, what, find):
        """Returns the first true value of `find(said)`; raises Ended when the program ends before."""

        def look():
            ended = self.popen.poll() is not None
            value = find(self.said())
            if ended and not value:
                last = self.said().strip().splitlines()[-5:]
                raise Ended(f"{self.name} ended with {self.popen.returncode} before {what}: " + " | ".join(last))
            return value

        return wait_until(f"{what} of {self.name}", look)

    def wait_line(self, key):
        """Returns the first line of its output that is a JSON object with `key`."""
        return self.wait_for(f"a line with {key!r}", lambda said: next(json_lines(said, key), None))

    def port(self):
        """The port that it reports when it listens."""
        return self.wait_line("port")["port"]

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def stop(self):
        """Ends it, and all it has started."""
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(timeout=3)
        except subprocess.TimeoutExpired:
            pass
        self.signal(signal.SIGKILL)
        self.popen.wait()


def json_lines(text, key):
    for line in text.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if key in found:
                    yield found


class Processes:
    """All programs of a run. Use as a context: on the way out, by whichever way, every program is ended."""

    def __init__(self, folder):
        self.folder, self.running, self.names = folder, [], {}

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: exit(130))
        return self

    def start(self, name, command, environment=None):
        """Starts a program."""
        process = Process(self.fresh(name), self.folder, [str(part) for part in command], environment or {})
        self.running.append(process)
        return process

    def fresh(self, name):
        """A name that no file of the run has yet."""
        self.names[name] = count = self.names.get(name, 0) + 1
        return name if count == 1 else f"{name}-{count}"

    def stop(self, process):
        """Ends one program."""
        process.stop()
        self.running.remove(process)

    def __exit__(self, *_):
        # A second signal must not leave the rest running.
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for process in self.running:
            process.signal(signal.SIGTERM)
        for process in reversed(self.running):
            process.stop()
