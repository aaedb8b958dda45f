"""A small soak in every test run; `make soak` makes a million calls."""

import pytest

from .soak import run


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left(seed):
    told = []
    run(60, seed, say=told.append)
    assert len(told) == 1
