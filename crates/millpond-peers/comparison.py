"""What a comparison consists of; `buffers.py` and `pools.py` are the two that there are."""

from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Peer:
    """One that millpond is compared with: by a script, a crate, or millpond's own program."""

    key: str
    title: str
    script: str = ""
    packages: list = field(default_factory=list)
    crate: str = ""
    program: str = ""
    never: str = ""
    command: list = field(default_factory=list)


@dataclass(frozen=True)
class Number:
    """A number of an answer: its name, its name as a column, what it counts in a picture."""

    title: str
    head: str
    unit: str = "/s"
    more_is_better: bool = True


@dataclass(frozen=True)
class Pace:
    """How much is measured, and for each measure how many seconds a turn lasts and how many there are."""

    size: int
    turns: dict


@dataclass(frozen=True)
class Comparison:
    """Peers, and what they and millpond do in turns."""

    key: str
    peers: list
    # Measures, and what the numbers of their answers are.
    measures: dict
    full: Pace
    quick: Pace
    # Millpond's side, a program of this crate.
    program: str
    # Gives the arguments of every contestant, of millpond's program and the pace.
    prepare: Callable
    # Above the table; `{size}` is the pace's.
    explained: str
    # Above the picture.
    headline: str

    @property
    def numbers(self):
        return [number for numbers in self.measures.values() for number in numbers]
