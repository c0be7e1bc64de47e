"""A prioritized ring of records in numpy arrays, with the numba tree: what two peers are made of.

Has no lock. The arrays come from whoever makes it, so that they may lie in shared memory.
"""

import numpy

import tree
import workload


class Ring:
    def __init__(self, capacity, array):
        """`array(name, shape, kind)` gives an array of zeros."""
        self.capacity = capacity
        self.columns = {
            name: array(name, (capacity, *shape), kind) for name, kind, shape in workload.FIELDS
        }
        self.sums = array("sums", *tree.new(capacity))
        self.highest = array("highest", (1,), numpy.float64)
        self.highest[0] = 1.0
        self.head = array("head", (1,), numpy.int64)
        self.slots = numpy.zeros(workload.BATCH, numpy.int64)
        self.weights = numpy.zeros(workload.BATCH, numpy.float32)
        self.batch = {
            name: numpy.zeros((workload.BATCH, *shape), kind)
            for name, kind, shape in workload.FIELDS
        }

    def insert_one(self, record):
        slot = int(self.head[0]) % self.capacity
        for name, value in record.items():
            self.columns[name][slot] = value
        tree.set_leaf(self.sums, slot, self.highest[0])
        self.head[0] += 1

    def insert_many(self, records):
        count = len(records["action"])
        first = int(self.head[0]) % self.capacity
        before_the_end = min(count, self.capacity - first)
        for name, values in records.items():
            column = self.columns[name]
            column[first : first + before_the_end] = values[:before_the_end]
            if before_the_end < count:
                column[: count - before_the_end] = values[before_the_end:]
        slots = numpy.arange(first, first + count) % self.capacity
        tree.set_leaves(self.sums, slots, self.highest[0])
        self.head[0] += count

    def sample(self):
        """A batch in buffers that the next one uses again."""
        tree.draw(self.sums, self.slots, self.weights, workload.BETA)
        for name, column in self.columns.items():
            # Clipping never happens; without it numpy copies into a buffer of its own first.
            column.take(self.slots, axis=0, out=self.batch[name], mode="clip")
        return self.slots, self.batch, self.weights

    def update(self, slots, values):
        tree.update(self.sums, slots, values, workload.ALPHA, self.highest)
