"""The pools of workers that millpond's is compared with, and what all of them do, with two workers."""

import os
import subprocess

import install
from comparison import Comparison, Number, Pace, Peer

SCRIPT = "serve_pools.py"

PEERS = [
    Peer("limit", "physical limit (two processes, half each)"),
    Peer("ranges", "millpond, rows as ranges of the file"),
    Peer("pool", "multiprocessing.Pool", SCRIPT),
    Peer("executor", "concurrent.futures.ProcessPoolExecutor", SCRIPT),
    Peer("mpire", "MPIRE 2.10.2", SCRIPT, ["mpire==2.10.2"]),
    Peer("loky", "loky 3.7.0", SCRIPT, ["loky==3.7.0"]),
    Peer("procspawn", "procspawn 1.0.2 (Rust), chunks by hand", crate="procspawn"),
]

MEASURES = {
    "ahead": [
        Number("rows read ahead of a slow consumer", "rows ahead", " rows", more_is_better=False),
        Number("memory ahead of a slow consumer, MB", "MB ahead", " MB", more_is_better=False),
    ],
    "start": [Number("start of 2 workers, ms", "start, ms", " ms", more_is_better=False)],
    "map": [Number("trivial tasks in chunks, tasks/s", "in chunks")],
    "one_by_one": [Number("trivial tasks one by one, tasks/s", "one by one")],
    "table": [
        Number("table through a classifier, rows/s", "table, rows/s"),
        Number("table, times its one process alone", "of one alone", "×"),
    ],
}

# How many tasks there are to a row of the table.
TASKS_A_ROW = 10


def prepare(program, pace):
    """Writes the texts that everybody learns from, and a table."""
    directory = install.ROOT / "target" / "peers-workers"
    directory.mkdir(parents=True, exist_ok=True)
    rows = str(pace.size // TASKS_A_ROW)
    written = subprocess.run([program, "write", directory, rows], stdout=subprocess.DEVNULL)
    if written.returncode != 0:
        raise install.Failed("the table was not written; what its writer said stands above")
    # The programs in Rust learn from there, as examples/classify does.
    os.environ["CLASSIFY_TEXTS"] = str(directory / "texts")
    return [str(directory), str(pace.size)]


COMPARISON = Comparison(
    key="workers",
    peers=PEERS,
    measures=MEASURES,
    full=Pace(
        500_000,
        {"ahead": (3.0, 1), "start": (0.5, 5), "map": (0.5, 5), "one_by_one": (0.5, 5), "table": (2.0, 5)},
    ),
    quick=Pace(
        100_000,
        {"ahead": (1.0, 1), "start": (0.2, 3), "map": (0.1, 3), "one_by_one": (0.1, 3), "table": (0.5, 3)},
    ),
    program="workers",
    prepare=prepare,
    explained=(
        "Pools of 2 workers. How many times as good millpond is, and in brackets what the peer did.\n"
        "Ahead: rows read, and memory taken, while a result is looked at each millisecond; of one alone:\n"
        "the rate over that of one process of the same language without a pool. {size} trivial tasks."
    ),
    headline="How many times as good millpond's pool of 2 workers is ({size} trivial tasks)",
)
