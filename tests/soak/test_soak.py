"""A small soak in every test run; `make soak` makes a million calls."""

import pytest
import trio

from . import media
from .soak import run


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left(seed):
    told = []
    run(60, seed, say=told.append)
    assert len(told) == 1


def test_media_that_comes_and_goes_leaves_nothing():
    assert trio.run(lambda: media.soak(0, seed=2, warm_up=3)) == 4
