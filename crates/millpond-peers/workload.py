"""The work that every peer in Python does: the record, a batch, and what comes in and goes out."""

import numpy

WIDTH = 84
BATCH = 256
CHUNK = 64
ALPHA = 0.6
BETA = 0.4

# 685 bytes: name, type, shape of one.
FIELDS = [
    ("observation", numpy.float32, (WIDTH,)),
    ("action", numpy.int64, ()),
    ("reward", numpy.float32, ()),
    ("next_observation", numpy.float32, (WIDTH,)),
    ("done", numpy.uint8, ()),
]


def columns(count):
    """Records, a column for each field."""
    made = {}
    for name, kind, shape in FIELDS:
        numbers = numpy.arange(count).reshape(-1, *[1 for _ in shape])
        made[name] = numpy.broadcast_to(numbers % 200, (count, *shape)).astype(kind)
    return made


def single_records(of):
    """The records of columns, one by one, as a simulator has them."""
    count = len(of["action"])
    return [{name: column[number] for name, column in of.items()} for number in range(count)]


def priorities(count):
    return numpy.random.uniform(0.1, 2.0, count).astype(numpy.float32)


class Peer:
    """What a peer does; `serve.py` measures it."""

    measures = ["insert_one", "insert_many", "sample", "update"]

    def insert_one(self, record):
        raise NotImplementedError

    def insert_many(self, records):
        raise NotImplementedError

    def sample(self):
        """A batch: its slots, its columns, its importance weights."""
        raise NotImplementedError

    def update(self, slots, values):
        raise NotImplementedError

    def attach(self):
        """Called in each process that is to work on it, and had it from its parent."""

    def close(self):
        """Gives back what would stay."""
