"""Redis as people use it for replay: it holds the records, and each learner has a tree of its own.

So updating priorities is not Redis's work, and not measured; two learners' trees differ. A server is
started for this, without persistence, on a socket in a directory of its own.
"""

import shutil
import subprocess
import tempfile
import time

import numpy
import redis

import tree
import workload

RECORD = numpy.dtype([(name, kind, shape) for name, kind, shape in workload.FIELDS])


class Redis(workload.Peer):
    measures = ["insert_one", "insert_many", "sample", "together"]

    def __init__(self, capacity):
        self.capacity = capacity
        self.directory = tempfile.mkdtemp(prefix="peers-redis-")
        self.socket = f"{self.directory}/socket"
        options = ["--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no"]
        self.server = subprocess.Popen(
            ["redis-server", *options, "--dir", self.directory], stdout=subprocess.DEVNULL
        )
        self.attach()
        self.wait_for_server()
        self.sums = numpy.zeros(*tree.new(capacity))
        self.highest = numpy.ones(1)
        self.seen = 0
        self.slots = numpy.zeros(workload.BATCH, numpy.int64)
        self.weights = numpy.zeros(workload.BATCH, numpy.float32)

    def attach(self):
        self.client = redis.Redis(unix_socket_path=self.socket)

    def wait_for_server(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
                return
            except redis.exceptions.ConnectionError:
                if self.server.poll() is not None:
                    self.close()
                    raise RuntimeError(f"redis-server ended with {self.server.poll()}") from None
                if time.monotonic() > deadline:
                    self.close()
                    raise
                time.sleep(0.02)

    def insert_one(self, record):
        packed = numpy.zeros((), RECORD)
        for name, value in record.items():
            packed[name] = value
        key = self.client.incr("head") - 1
        self.client.set(key % self.capacity, packed.tobytes())

    def insert_many(self, records):
        count = len(records["action"])
        packed = numpy.empty(count, RECORD)
        for name, values in records.items():
            packed[name] = values
        data, size = packed.tobytes(), RECORD.itemsize
        first = self.client.incrby("head", count) - count
        self.client.mset(
            {
                (first + number) % self.capacity: data[number * size : (number + 1) * size]
                for number in range(count)
            }
        )

    def sample(self):
        self.learn_of_new_records(int(self.client.get("head")))
        tree.draw(self.sums, self.slots, self.weights, workload.BETA)
        values = self.client.mget(self.slots.tolist())
        records = numpy.frombuffer(b"".join(values), RECORD)
        columns = {name: numpy.ascontiguousarray(records[name]) for name in RECORD.names}
        return self.slots, columns, self.weights

    def learn_of_new_records(self, head):
        first = max(self.seen, head - self.capacity)
        tree.set_leaves(self.sums, numpy.arange(first, head) % self.capacity, self.highest[0])
        self.seen = head

    def update(self, slots, values):
        tree.update(self.sums, slots, values, workload.ALPHA, self.highest)

    def close(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
