"""A buffer as a process that measures what it is asked to: `serve.py PEER CAPACITY`.

A measure gives a rate a second (two for `together`: inserted and sampled).
"""

import functools
import importlib
import itertools
import multiprocessing
import sys

import numpy

import workload
from orders import rate, serve

SIMULATORS = 4
LEARNERS = 2
# What updates go through; never the same priority again for the same slot soon, as some peers stop
# where nothing changes.
SLOT_LISTS = 512
PRIORITY_LISTS = 61

# Module and class; each module imports a package that may be missing.
PEERS = {
    "cpprb": ("cpprb_buffers", "OneProcess"),
    "cpprb-shared": ("cpprb_buffers", "Shared"),
    "handmade": ("handmade", "Handmade"),
    "manager": ("manager", "Managed"),
    "redis": ("redis_records", "Redis"),
}


def main():
    name, capacity = sys.argv[1], int(sys.argv[2])
    module, kind = PEERS[name]
    peer = getattr(importlib.import_module(module), kind)(capacity)
    try:
        fill(peer, capacity)
        measures = {name: functools.partial(MEASURES[name], peer, capacity) for name in peer.measures}
        # Whatever compiles or allocates at first does it now.
        for measure in measures.values():
            measure(0.05)
        serve(measures)
    finally:
        peer.close()


def fill(peer, capacity):
    """A full buffer with priorities between 0.1 and 2."""
    count = 1024
    records = workload.columns(count)
    for start in range(0, capacity, count):
        peer.insert_many(records)
    for start in range(0, capacity, count):
        peer.update(numpy.arange(start, start + count), workload.priorities(count))


def insert_one(peer, _capacity, seconds):
    records = workload.single_records(workload.columns(workload.CHUNK))

    def insert_each():
        for record in records:
            peer.insert_one(record)

    return [rate(seconds, len(records), insert_each)]


def insert_many(peer, _capacity, seconds):
    records = workload.columns(workload.CHUNK)
    return [rate(seconds, workload.CHUNK, lambda: peer.insert_many(records))]


def sample(peer, _capacity, seconds):
    return [rate(seconds, workload.BATCH, peer.sample)]


def update(peer, capacity, seconds):
    # In the order of the slots, as a stratified sample has them.
    draws = numpy.random.randint(0, capacity, (SLOT_LISTS, workload.BATCH))
    slots = itertools.cycle(numpy.sort(draws))
    values = priority_lists()
    return [rate(seconds, workload.BATCH, lambda: peer.update(next(slots), next(values)))]


def priority_lists():
    """Priorities for a batch, again and again others."""
    return itertools.cycle([workload.priorities(workload.BATCH) for _ in range(PRIORITY_LISTS)])


def together(peer, _capacity, seconds):
    """Simulators and learners as processes, at once: records inserted, records sampled."""
    processes = multiprocessing.get_context("fork")
    start = processes.Barrier(SIMULATORS + LEARNERS)
    answers = processes.SimpleQueue()
    workers = []
    for number in range(SIMULATORS + LEARNERS):
        role = simulate if number < SIMULATORS else learn
        arguments = (role, peer, seconds, number, start, answers)
        workers.append(processes.Process(target=work, args=arguments, daemon=True))
    for worker in workers:
        worker.start()
    moved = {simulate.__name__: 0.0, learn.__name__: 0.0}
    for worker in workers:
        worker.join()
        if worker.exitcode != 0:
            raise RuntimeError(f"a worker of 4 simulators + 2 learners ended with {worker.exitcode}")
    for _ in workers:
        role, records = answers.get()
        moved[role] += records
    return [moved[simulate.__name__], moved[learn.__name__]]


def work(role, peer, seconds, number, start, answers):
    numpy.random.seed(number)
    peer.attach()
    start.wait(timeout=30)
    answers.put((role.__name__, role(peer, seconds)))


def simulate(peer, seconds):
    return insert_many(peer, None, seconds)[0]


def learn(peer, seconds):
    values = priority_lists()

    def sample_and_update():
        slots, _columns, _weights = peer.sample()
        peer.update(slots, next(values))

    return rate(seconds, workload.BATCH, sample_and_update)


MEASURES = {
    "insert_one": insert_one,
    "insert_many": insert_many,
    "sample": sample,
    "update": update,
    "together": together,
}

if __name__ == "__main__":
    main()
