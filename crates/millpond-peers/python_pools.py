"""The pools that people use in Python, each behind the same few calls. Two workers.

`map` gives a list, `one_by_one` and `stream` results in order as they come; `stream` is for inputs that are
read as they are needed, so far as the pool does that.
"""

import concurrent.futures
import importlib
import multiprocessing
import os
import time

import bayes

WORKERS = 2
# What workers get at a time of a stream; Python's own pools take one by one otherwise.
CHUNK = 500
# A task that shows who is there lasts so long, in seconds.
SHOW = 0.001


def show(_):
    time.sleep(SHOW)
    return os.getpid()


def show_by(_shared, number):
    return show(number)


def wait_for_workers(pool):
    """Until each has done a task."""
    seen = set()
    while len(seen) < WORKERS:
        seen.update(pool.one_by_one(show, range(WORKERS)))


def by_itself(count):
    """What `multiprocessing.Pool.map` makes a chunk; the executors have no such rule."""
    return max(1, -(-count // (4 * WORKERS)))


class StandardPool:
    def __init__(self, shared=None):
        context = multiprocessing.get_context("fork")
        self.pool = context.Pool(WORKERS, initializer=bayes.share, initargs=(shared,))

    def map(self, task, inputs):
        return self.pool.map(task, inputs)

    def one_by_one(self, task, inputs):
        return self.pool.imap(task, inputs)

    def stream(self, task, rows):
        return self.pool.imap(task, rows, CHUNK)

    def close(self):
        self.pool.terminate()
        self.pool.join()


class Executor:
    """The standard library's, or one with the same calls."""

    def __init__(self, kind, context, shared=None):
        self.pool = kind(WORKERS, context, initializer=bayes.share, initargs=(shared,))

    def map(self, task, inputs):
        return list(self.pool.map(task, inputs, chunksize=by_itself(len(inputs))))

    def one_by_one(self, task, inputs):
        return self.pool.map(task, inputs)

    def stream(self, task, rows):
        return self.pool.map(task, rows, chunksize=CHUNK)

    def close(self):
        self.pool.shutdown(cancel_futures=True)


def executor(shared=None):
    context = multiprocessing.get_context("fork")
    return Executor(concurrent.futures.ProcessPoolExecutor, context, shared)


class Loky(Executor):
    def __init__(self, shared=None):
        super().__init__(importlib.import_module("loky").ProcessPoolExecutor, None, shared)

    def close(self):
        self.pool.shutdown(kill_workers=True)


class Mpire:
    def __init__(self, shared=None):
        kind = importlib.import_module("mpire").WorkerPool
        # What is shared comes first, where anything is.
        self.tasks = {} if shared is None else {bayes.is_right: bayes.is_right_by, show: show_by}
        self.pool = kind(WORKERS, shared_objects=shared, start_method="fork", keep_alive=True)

    def map(self, task, inputs):
        return self.pool.map(self.tasks.get(task, task), inputs)

    def one_by_one(self, task, inputs):
        return self.pool.imap(self.tasks.get(task, task), inputs, chunk_size=1)

    def stream(self, task, rows):
        return self.pool.imap(self.tasks.get(task, task), rows, chunk_size=CHUNK)

    def close(self):
        self.pool.terminate()


POOLS = {"pool": StandardPool, "executor": executor, "loky": Loky, "mpire": Mpire}
