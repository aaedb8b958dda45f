"""What scripts raise in a simulation: the SDK logs it, and whoever looks on takes it down."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def taken_by(handler: logging.Handler) -> Iterator[None]:
    """Until the block ends what scripts raise goes to this handler, and nowhere else."""
    logger = logging.getLogger("callflow")
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
