"""What can go wrong between two descriptions.

::

    ParseError (ValueError)      it is no description; 400          (engine.sdp.description)
    NotAcceptable (Exception)    it is one, but nothing we can do; 488
    WrongState (RuntimeError)    a mistake of ours: an answer without an offer
"""

from __future__ import annotations


class NotAcceptable(Exception):
    """No stream, codec or address that both ends can use. The session, if there is one, goes on as it was."""

    status = 488


class WrongState(RuntimeError):
    """An answer was made or received and there is no offer."""
