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
from dataclasses import dataclass

import install

# Measures, and what the numbers of their answers are called.
MEASURES = {
    "insert_one": ["insert 1 by 1, records/s"],
    "insert_many": ["insert by 64, records/s"],
    "sample": ["sample 256 as columns, records/s"],
    "update": ["update 256 priorities, priorities/s"],
    "together": [
        "4 simulators + 2 learners, inserts/s",
        "4 simulators + 2 learners, sampled/s",
    ],
}


@dataclass(frozen=True)
class Pace:
    """How much is measured, and for how long."""

    capacity: int
    turn: float
    rounds: int
    together_turn: float
    together_rounds: int


FULL = Pace(capacity=1 << 20, turn=0.25, rounds=15, together_turn=3.0, together_rounds=4)
QUICK = Pace(capacity=1 << 16, turn=0.08, rounds=5, together_turn=0.6, together_rounds=2)


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


def alternate(pace, millpond, other, title):
    """All measures that both know, in turns. Gives what is written to target/peers.json."""
    results = []
    for name in MEASURES:
        if name not in other.measures:
            continue
        turn, rounds = pace.turn, pace.rounds
        if name == "together":
            turn, rounds = pace.together_turn, pace.together_rounds
        pairs = [(millpond.measure(name, turn), other.measure(name, turn)) for _ in range(rounds)]
        for place, measure in enumerate(MEASURES[name]):
            ours = [ours[place] for ours, _ in pairs]
            theirs = [theirs[place] for _, theirs in pairs]
            if not all(theirs):
                raise Failed(f"{measure}: it moved no record in a turn of {turn} s")
            ratios = [a / b for a, b in zip(ours, theirs)]
            results.append(
                {
                    "measure": measure,
                    "millpond": round(statistics.median(ours)),
                    "peer": title,
                    "peer_value": round(statistics.median(theirs)),
                    "ratio": round(statistics.median(ratios), 3),
                }
            )
    return results
