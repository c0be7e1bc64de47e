"""The replay buffers that millpond's pool of records is compared with, and what all of them do."""

from comparison import Comparison, Number, Pace, Peer

NUMBA = ["numpy==2.3.5", "numba==0.63.1"]
CPPRB = ["numpy==2.3.5", "cpprb==11.0.0"]
SCRIPT = "serve.py"

PEERS = [
    Peer("limit", "physical limit (plain copy, prefetched gather)"),
    Peer("cpprb", "cpprb 11.0.0, one process", SCRIPT, CPPRB),
    Peer("cpprb-shared", "cpprb 11.0.0, shared-memory buffer", SCRIPT, CPPRB),
    Peer("handmade", "shared_memory + numba tree + one lock", SCRIPT, NUMBA),
    Peer("manager", "multiprocessing manager, numba tree", SCRIPT, NUMBA),
    Peer("redis", "Redis holding the records", SCRIPT, [*NUMBA, "redis==7.1.0"], program="redis-server"),
    Peer(
        "tianshou",
        "Tianshou 2.0.1's buffer",
        never="not a light install: it needs torch, which is several GB with what that needs",
    ),
]

MEASURES = {
    "insert_one": [Number("insert 1 by 1, records/s", "insert 1 by 1")],
    "insert_many": [Number("insert by 64, records/s", "insert by 64")],
    "sample": [Number("sample 256 as columns, records/s", "sample 256")],
    "update": [Number("update 256 priorities, priorities/s", "update 256")],
    "together": [
        Number("4 simulators + 2 learners, inserts/s", "4+2: inserts"),
        Number("4 simulators + 2 learners, sampled/s", "4+2: sampled"),
    ],
}


def turns(alone, together):
    return {measure: together if measure == "together" else alone for measure in MEASURES}


COMPARISON = Comparison(
    key="peers",
    peers=PEERS,
    measures=MEASURES,
    full=Pace(1 << 20, turns((0.25, 15), (3.0, 4))),
    quick=Pace(1 << 16, turns((0.08, 5), (0.6, 2))),
    program="buffers",
    prepare=lambda _program, pace: [str(pace.size)],
    explained=(
        "Pools of {size} records of 685 bytes. How many times as fast millpond is, and in brackets what\n"
        "the peer did; 4+2 is four simulators and two learners at once."
    ),
    headline="How many times as fast millpond is (pools of {size} records)",
)
