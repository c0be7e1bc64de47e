"""The sum tree that people write with numba: two children a node, f64.

The root is at 1, the children of `n` at `2n` and `2n + 1`, the leaves in the second half.
"""

import numba
import numpy


def new(capacity):
    """Shape and type of a tree's sums; all zero is a tree without priorities."""
    if capacity & (capacity - 1):
        raise ValueError(f"the capacity must be a power of two, and is {capacity}")
    return (2 * capacity,), numpy.float64


@numba.njit(cache=True)
def set_leaf(sums, slot, leaf):
    node = len(sums) // 2 + slot
    sums[node] = leaf
    while node > 1:
        node //= 2
        sums[node] = sums[2 * node] + sums[2 * node + 1]


@numba.njit(cache=True)
def set_leaves(sums, slots, leaf):
    """The same leaf for slots: the priority of new records."""
    for slot in slots:
        set_leaf(sums, slot, leaf)


@numba.njit(cache=True)
def update(sums, slots, priorities, alpha, highest):
    """Sets priorities raised to alpha; keeps the highest leaf there ever was."""
    for place in range(len(slots)):
        leaf = priorities[place] ** alpha
        if leaf > highest[0]:
            highest[0] = leaf
        set_leaf(sums, slots[place], leaf)


@numba.njit(cache=True)
def draw(sums, slots, weights, beta):
    """Draws a slot from each of equal parts of the sum, with importance weights up to 1."""
    capacity, count = len(sums) // 2, len(slots)
    share = sums[1] / count
    least = numpy.inf
    for stratum in range(count):
        wanted = (stratum + numpy.random.random()) * share
        node = 1
        while node < capacity:
            node *= 2
            # The second test is for sums that rounding made larger than their parts.
            if wanted >= sums[node] and sums[node + 1] > 0.0:
                wanted -= sums[node]
                node += 1
        slots[stratum] = node - capacity
        weights[stratum] = sums[node]
        least = min(least, sums[node])
    for stratum in range(count):
        weights[stratum] = (least / weights[stratum]) ** beta
