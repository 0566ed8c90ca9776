"""Exact tests on paired outcomes: how likely is a difference this large where nothing has changed?"""

import math


def sign_test(worse: int, better: int) -> float:
    """Two-sided p: as many heads of `worse + better` fair coins, or fewer likely still. 1 where nothing differs.

    On pairs of passed and failed this is McNemar's exact test, since only the pairs that differ count.
    """
    n = worse + better
    tail = sum(math.comb(n, i) for i in range(min(worse, better) + 1))
    halves: int = 2**n
    return min(1.0, 2 * tail / halves)
