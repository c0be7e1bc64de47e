"""A pool of workers as a process that measures what it is asked to: `serve_pools.py PEER DIRECTORY TASKS`.

Each turn has workers of its own, so that none are there while others are measured; what it takes to start
them counts in `start` only.
"""

import contextlib
import functools
import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import bayes
from orders import rate, serve
from python_pools import POOLS, wait_for_workers

# Of the tasks that there are in chunks, so many go one by one.
ONE_OF = 50
# A slow consumer looks at a result for so long, in seconds.
LOOK = 0.001
# Rows before a turn, of which each worker gets some.
FIRST = 4000
# Less memory than this, in MB, is not told from none.
LEAST_MEMORY = 0.1


def main():
    peer, directory, tasks = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    side = Side(POOLS[peer], directory, tasks)
    serve({name: getattr(side, name) for name in ("ahead", "start", "map", "one_by_one", "table")})


def square(number):
    return number * number


class Side:
    """A pool's measures; each takes the seconds of a turn."""

    def __init__(self, pool, directory, tasks):
        self.start_pool, self.directory, self.tasks = pool, directory, tasks

    @functools.cached_property
    def model(self):
        return bayes.Model(self.directory / "texts")

    def rows(self):
        return bayes.rows(self.directory / "table.csv")

    @contextlib.contextmanager
    def pool(self, shared=None):
        """Workers that have begun."""
        pool = self.start_pool(shared)
        try:
            wait_for_workers(pool)
            yield pool
        finally:
            pool.close()

    def start(self, seconds):
        """Milliseconds until both workers have done a task."""
        found, end = [], time.perf_counter() + seconds
        while not found or time.perf_counter() < end:
            began = time.perf_counter()
            with self.pool():
                found.append(1000 * (time.perf_counter() - began))
        return [statistics.median(found)]

    def map(self, seconds):
        """Tasks a second, in chunks that the pool finds by itself."""
        return self.squares(seconds, self.tasks, lambda pool, inputs: pool.map(square, inputs))

    def one_by_one(self, seconds):
        return self.squares(
            seconds, self.tasks // ONE_OF, lambda pool, inputs: pool.one_by_one(square, inputs)
        )

    def squares(self, seconds, count, call):
        right = sum(number * number for number in range(count))
        with self.pool() as pool:

            def add():
                found = sum(call(pool, range(count)))
                if found != right:
                    raise RuntimeError(f"the squares add up to {found}, not {right}")

            add()
            return [rate(seconds, count, add)]

    def table(self, seconds):
        """Rows a second, and how many times as many as this process alone, both in turns."""
        alone = pooled = passes = 0
        count = sum(1 for _ in self.rows())
        with self.pool(self.model) as pool:
            sum(pool.stream(bayes.is_right, itertools.islice(self.rows(), FIRST)))
            while alone + pooled < seconds:
                times = [time.perf_counter()]
                right = sum(map(self.model.is_right, self.rows()))
                times.append(time.perf_counter())
                found = sum(pool.stream(bayes.is_right, self.rows()))
                times.append(time.perf_counter())
                if found != right:
                    raise RuntimeError(f"{found} rows are right with the pool, and {right} without")
                alone += times[1] - times[0]
                pooled += times[2] - times[1]
                passes += 1
        return [passes * count / pooled, alone / pooled]

    def ahead(self, seconds):
        """How many rows are read that were not looked at, at most, and the memory that this takes, in MB.

        Comes first, and without a model in this process: memory that something else had before is not seen.
        """
        read = 0

        def counted():
            nonlocal read
            for row in self.rows():
                read += 1
                yield row

        furthest, end = 0, None
        with self.pool(bayes.Late(self.directory / "texts")) as pool:
            before = resident()
            for taken, _ in enumerate(pool.stream(bayes.is_right, counted())):
                furthest = max(furthest, read - taken)
                time.sleep(LOOK)
                end = end or time.perf_counter() + seconds
                if time.perf_counter() > end:
                    break
            return [furthest, max(LEAST_MEMORY, resident() - before)]


def resident():
    """The memory of this process, in MB."""
    kibibytes = subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])
    return int(kibibytes) * 1024 / 1e6


if __name__ == "__main__":
    main()
