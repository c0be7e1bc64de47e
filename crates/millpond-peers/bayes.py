"""The classifier of examples/classify in Python, and the table that goes through it.

A naive Bayes classifier over words and pairs of neighbouring words.
"""

import math
import re
from pathlib import Path

SMOOTHING = 0.1
WORD = re.compile(r"[^\W_]+")

# What the workers share. A global, as Python's own pools have nothing else for it.
model = None


class Model:
    """Of each class, how likely each word is in it."""

    def __init__(self, directory):
        """Learns from a directory with a file for each class, and a line `%` between its texts."""
        classes = [(path.name, path.read_text().split("\n%")) for path in sorted(Path(directory).iterdir())]
        counts, totals = {}, [0] * len(classes)
        for number, (_, texts) in enumerate(classes):
            for text in texts:
                for feature in features(text):
                    counts.setdefault(feature, [0] * len(classes))[number] += 1
                    totals[number] += 1
        likelihoods = lambda row: tuple(
            math.log((count + SMOOTHING) / (total + SMOOTHING * len(counts)))
            for count, total in zip(row, totals)
        )
        texts = sum(len(texts) for _, texts in classes)
        self.classes = [name for name, _ in classes]
        self.priors = tuple(math.log(len(texts_of) / texts) for _, texts_of in classes)
        self.unknown = likelihoods([0] * len(classes))
        self.words = {feature: likelihoods(row) for feature, row in counts.items()}

    def classify(self, text):
        """The class that a text most likely belongs to."""
        scores = self.priors
        for feature in features(text):
            row = self.words.get(feature, self.unknown)
            scores = [score + likelihood for score, likelihood in zip(scores, row)]
        return self.classes[scores.index(max(scores))]

    def is_right(self, row):
        """Whether it finds the class that a row of the table names: `number,class,"text"`."""
        _, name, text = row.split(",", 2)
        return self.classify(text) == name


class Late:
    """A model that is learnt where a row is classified first, and not where rows are read."""

    def __init__(self, directory):
        self.directory, self.model = directory, None

    def is_right(self, row):
        self.model = self.model or Model(self.directory)
        return self.model.is_right(row)


def features(text):
    """Each word of a text, and each with the one before it."""
    words = WORD.findall(text.lower())
    return words + [f"{before} {word}" for before, word in zip(words, words[1:])]


def share(shared):
    """Called in each worker with what is shared."""
    global model
    model = shared


def is_right(row):
    """The task of a worker."""
    return model.is_right(row)


def is_right_by(shared, row):
    """The same, where the pool hands over what is shared."""
    return shared.is_right(row)


def rows(table):
    """The rows of a table, as they are read."""
    with open(table) as lines:
        next(lines)  # the heads
        yield from lines
