"""cpprb's prioritized buffers: of one process, and the one in shared memory."""

import cpprb
import numpy

import workload

ENVIRONMENT = {
    name: {"shape": shape or 1, "dtype": kind} for name, kind, shape in workload.FIELDS
}


class OneProcess(workload.Peer):
    Buffer = cpprb.PrioritizedReplayBuffer

    def __init__(self, capacity):
        self.buffer = self.Buffer(capacity, ENVIRONMENT, alpha=workload.ALPHA)

    def insert_one(self, record):
        self.buffer.add(**record)

    def insert_many(self, records):
        self.buffer.add(**records)

    def sample(self):
        columns = self.buffer.sample(workload.BATCH, beta=workload.BETA)
        return columns.pop("indexes"), columns, columns.pop("weights")

    def update(self, slots, values):
        self.buffer.update_priorities(slots, values)


class Shared(OneProcess):
    measures = [*workload.Peer.measures, "together"]
    Buffer = cpprb.MPPrioritizedReplayBuffer
