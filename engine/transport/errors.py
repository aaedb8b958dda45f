"""What can go wrong on the way to a peer."""

from __future__ import annotations


class Unreachable(Exception):
    """No way to that URI: its host has no address, its transport is not ours, or nobody accepts the connection."""
