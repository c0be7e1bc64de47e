"""The one that people build by hand: records and tree in shared memory, and a lock around it all."""

import multiprocessing
from multiprocessing.shared_memory import SharedMemory

import numpy

import workload
from ring import Ring


class Handmade(workload.Peer):
    measures = [*workload.Peer.measures, "together"]

    def __init__(self, capacity):
        self.segments = []
        self.lock = multiprocessing.get_context("fork").Lock()
        self.ring = Ring(capacity, self.array)

    def array(self, _name, shape, kind):
        size = int(numpy.prod(shape)) * numpy.dtype(kind).itemsize
        segment = SharedMemory(create=True, size=size)
        self.segments.append(segment)
        return numpy.ndarray(shape, kind, segment.buf)

    def insert_one(self, record):
        with self.lock:
            self.ring.insert_one(record)

    def insert_many(self, records):
        with self.lock:
            self.ring.insert_many(records)

    def sample(self):
        with self.lock:
            return self.ring.sample()

    def update(self, slots, values):
        with self.lock:
            self.ring.update(slots, values)

    def close(self):
        # The arrays hold the mappings, which end with this process; the names must go now.
        for segment in self.segments:
            segment.unlink()
