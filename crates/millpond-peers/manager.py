"""A buffer in a server process of Python's own: a multiprocessing manager, the tree in numba."""

import threading
from multiprocessing import get_context
from multiprocessing.managers import BaseManager

import numpy

import workload
from ring import Ring


class Served:
    """Lives in the manager's process, which has a thread for each process that asks."""

    def __init__(self, capacity):
        self.ring = Ring(capacity, lambda _name, shape, kind: numpy.zeros(shape, kind))
        self.lock = threading.Lock()

    def insert_one(self, record):
        with self.lock:
            self.ring.insert_one(record)

    def insert_many(self, records):
        with self.lock:
            self.ring.insert_many(records)

    def sample(self):
        with self.lock:
            slots, columns, weights = self.ring.sample()
            # It is sent after the lock is given back, and the next sample uses these again.
            columns = {name: column.copy() for name, column in columns.items()}
            return slots.copy(), columns, weights.copy()

    def update(self, slots, values):
        with self.lock:
            self.ring.update(slots, values)


class Manager(BaseManager):
    pass


Manager.register("Served", Served)


class Managed(workload.Peer):
    measures = [*workload.Peer.measures, "together"]

    def __init__(self, capacity):
        self.manager = Manager(ctx=get_context("fork"))
        self.manager.start()
        self.served = self.manager.Served(capacity)

    def insert_one(self, record):
        self.served.insert_one(record)

    def insert_many(self, records):
        self.served.insert_many(records)

    def sample(self):
        return self.served.sample()

    def update(self, slots, values):
        self.served.update(slots, values)

    def close(self):
        self.manager.shutdown()
