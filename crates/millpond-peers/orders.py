"""What every peer in Python does with the orders that it gets; see `turns.py`."""

import sys
import time


def serve(measures):
    """Says `ready` with the measures, by name, and carries out orders until there are no more.

    An order is a measure and seconds, such as `sample 0.25`; the answer is one number or several.
    """
    print("ready", *measures, flush=True)
    for order in sys.stdin:
        name, seconds = order.split()
        print(*measures[name](float(seconds)), flush=True)


def rate(seconds, count, call):
    """Calls for so many seconds, and gives how many a second that makes, `count` with each call."""
    began, calls = time.perf_counter(), 0
    while True:
        call()
        calls += 1
        elapsed = time.perf_counter() - began
        if elapsed >= seconds:
            return calls * count / elapsed
