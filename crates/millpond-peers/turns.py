"""Millpond and a peer, each a process of its own, doing the same work in turns: A B A B …

A process is given an order a line, a measure and seconds, and answers with the rate it reached. On a
machine that others use a rate means little by itself, so what counts is the median of the ratios of
neighbouring turns.
"""

import os
import select
import signal
import statistics
import subprocess
import tempfile

import install

class Failed(Exception):
    """A contestant could not go on; says why."""


class Contestant:
    """A process that measures what it is asked to."""

    TO_START = 180.0
    TO_ANSWER = 60.0

    def __init__(self, name, command):
        self.name = name
        self.failed = False
        self.complaints = tempfile.TemporaryFile("w+", errors="replace")
        environment = dict(os.environ, NUMBA_CACHE_DIR=str(install.VENV / "numba-cache"))
        # In a group of its own, so that its children can be ended with it.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self.measures = []

    def __enter__(self):
        try:
            ready, *self.measures = self.line(self.TO_START).split()
            if ready != "ready":
                raise self.failure(f"it said {ready!r} for 'ready'")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def measure(self, name, seconds):
        """The rates of a turn."""
        try:
            self.process.stdin.write(f"{name} {seconds}\n")
            self.process.stdin.flush()
        except OSError:
            raise self.failure(self.complaint()) from None
        return [float(number) for number in self.line(seconds + self.TO_ANSWER).split()]

    def line(self, seconds):
        # One line an answer: nothing is left in the buffer that `select` would not see.
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise self.failure(f"no answer in {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise self.failure(self.complaint())
        return line

    def complaint(self):
        """What the process wrote last before it ended."""
        self.complaints.seek(0)
        reason = install.last_line(self.complaints.read()).rstrip(".")
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            status = "unknown"
        return f"it ended with status {status}: {reason}"

    def failure(self, reason):
        self.failed = True
        return Failed(f"{self.name}: {reason}")

    def stop(self):
        """Ends the process: without orders by itself, else with all that it started."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        for last_resort in (None, signal.SIGTERM, signal.SIGKILL):
            if last_resort is not None:
                try:
                    os.killpg(self.process.pid, last_resort)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.stdout.close()
        self.complaints.close()


def alternate(comparison, pace, millpond, other, title):
    """All measures that both know, in turns. Gives what is written to the file for programs."""
    results = []
    for name, numbers in comparison.measures.items():
        if name not in other.measures:
            continue
        turn, rounds = pace.turns[name]
        pairs = [(millpond.measure(name, turn), other.measure(name, turn)) for _ in range(rounds)]
        for place, number in enumerate(numbers):
            ours = [ours[place] for ours, _ in pairs]
            theirs = [theirs[place] for _, theirs in pairs]
            if not all(theirs):
                raise Failed(f"{number.title}: it did nothing in a turn of {turn} s")
            better, worse = (ours, theirs) if number.more_is_better else (theirs, ours)
            results.append(
                {
                    "measure": number.title,
                    "millpond": tidy(statistics.median(ours)),
                    "peer": title,
                    "peer_value": tidy(statistics.median(theirs)),
                    "ratio": round(statistics.median(a / b for a, b in zip(better, worse)), 3),
                }
            )
    return results


def tidy(value):
    return round(value) if value >= 1000 else float(f"{value:.3g}")
