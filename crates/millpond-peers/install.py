"""What has to be there before anything is measured: the peers, and millpond's side, built.

Says why a peer cannot be run.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / "target" / "peers-venv"
PYTHON = VENV / "bin" / "python"


class Failed(Exception):
    """Nothing can be measured; says what to do."""


def build(program):
    """Builds millpond's side, and says where the program lies."""
    if os.name == "nt":
        raise Failed("the peers run as forks on Linux and macOS; start it there")
    if shutil.which("cargo") is None:
        raise Failed("cargo is not on the PATH; install a Rust toolchain")
    print("building millpond's side …", file=sys.stderr, flush=True)
    built = cargo(program)
    if built is None:
        raise Failed("millpond's side does not build; what cargo said stands above")
    return built


def cargo(target):
    """The path of a program of this crate, which cargo builds; `None` if it does not build."""
    command = ["cargo", "build", "--release", "--package", "millpond-peers", "--bin", target]
    command.append("--message-format=json")
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        return None
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == target:
            return message["executable"]
    raise Failed(f"cargo built no program {target}; is it still in Cargo.toml?")


def peers(comparison, program, only=None):
    """Installs the peers. Gives those that can run, and by title why the others cannot."""
    wanted = [peer for peer in comparison.peers if only is None or peer.key in only]
    ready, not_run = [], {}
    for peer in wanted:
        reason = peer.never or missing_program(peer) or missing_packages(peer) or missing_crate(peer)
        if reason:
            not_run[peer.title] = reason
            continue
        if peer.script:
            peer.command = [str(PYTHON), "-B", str(HERE / peer.script), peer.key]
        elif not peer.crate:
            peer.command = [program, peer.key]
        ready.append(peer)
    return ready, not_run


def missing_program(peer):
    if peer.program and shutil.which(peer.program) is None:
        return f"{peer.program} is not installed; install it and run this again"
    return ""


def missing_packages(peer):
    """Installs what a peer needs and is not there; gives the reason where that fails."""
    if not peer.script:
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


def missing_crate(peer):
    """Builds the crate that a peer is measured by; gives the reason where that fails."""
    if not peer.crate:
        return ""
    print(f"building {peer.crate}'s side …", file=sys.stderr, flush=True)
    program = cargo(peer.crate)
    if program is None:
        return "it does not build; what cargo said stands above"
    peer.command = [program, peer.key]
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
