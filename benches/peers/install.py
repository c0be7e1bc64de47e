"""What has to be there before anything is measured: the peers, and millpond's side, built.

Knows which peers there are, what each needs, and why one cannot be run.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / "target" / "peers-venv"
PYTHON = VENV / "bin" / "python"

NUMBA = ["numpy==2.3.5", "numba==0.63.1"]


class Failed(Exception):
    """Nothing can be measured; says what to do."""


@dataclass
class Peer:
    """One that millpond is compared with."""

    key: str
    title: str
    packages: list = field(default_factory=list)
    program: str = ""
    never: str = ""
    command: list = field(default_factory=list)


PEERS = [
    Peer("limit", "physical limit (plain copy, prefetched gather)"),
    Peer("cpprb", "cpprb 11.0.0, one process", ["numpy==2.3.5", "cpprb==11.0.0"]),
    Peer("cpprb-shared", "cpprb 11.0.0, shared-memory buffer", ["numpy==2.3.5", "cpprb==11.0.0"]),
    Peer("handmade", "shared_memory + numba tree + one lock", NUMBA),
    Peer("manager", "multiprocessing manager, numba tree", NUMBA),
    Peer("redis", "Redis holding the records", [*NUMBA, "redis==7.1.0"], program="redis-server"),
    Peer(
        "tianshou",
        "Tianshou 2.0.1's buffer",
        never="not a light install: it needs torch, which is several GB with what that needs",
    ),
]


def build():
    """Builds millpond's side, and says where the program lies."""
    if os.name == "nt":
        raise Failed("the peers run as forks on Linux and macOS; start it there")
    command = ["cargo", "bench", "--bench", "peers", "--no-run", "--message-format=json"]
    if shutil.which("cargo") is None:
        raise Failed("cargo is not on the PATH; install a Rust toolchain")
    print("building millpond's side …", file=sys.stderr, flush=True)
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise Failed("millpond's side does not build; what cargo said stands above")
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "peers":
            return message["executable"]
    raise Failed("cargo built no program; is [[bench]] `peers` still in Cargo.toml?")


def peers(program, only=None):
    """Installs the peers. Gives those that can run, and by title why the others cannot."""
    wanted = [peer for peer in PEERS if only is None or peer.key in only]
    ready, not_run = [], {}
    for peer in wanted:
        reason = peer.never or missing_program(peer) or missing_packages(peer)
        if reason:
            not_run[peer.title] = reason
            continue
        serve = [str(PYTHON), "-B", str(HERE / "serve.py"), peer.key]
        peer.command = serve if peer.packages else [program, peer.key]
        ready.append(peer)
    return ready, not_run


def missing_program(peer):
    if peer.program and shutil.which(peer.program) is None:
        return f"{peer.program} is not installed; install it and run this again"
    return ""


def missing_packages(peer):
    """Installs what a peer needs and is not there; gives the reason where that fails."""
    if not peer.packages:
        return ""
    if not PYTHON.exists():
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
        if made.returncode != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            return f"no virtual environment: {last_line(made.stdout + made.stderr)}"
    there = installed()
    absent = [package for package in peer.packages if package not in there]
    if not absent:
        return ""
    print(f"installing {', '.join(absent)} …", file=sys.stderr, flush=True)
    # A compiler is nothing that this should need or wait for.
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--only-binary=:all:", *absent]
    got = subprocess.run(pip, capture_output=True, text=True)
    if got.returncode != 0:
        return f"pip could not install {', '.join(absent)}: {last_line(got.stderr)}"
    return ""


def installed():
    """The packages of the virtual environment, as name==version."""
    listed = subprocess.run(
        [str(PYTHON), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
    )
    return set(listed.stdout.split())


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"
