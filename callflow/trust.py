"""Whom to trust at the other end of a `wss` address, and who to be at our own."""

from __future__ import annotations

import ssl
from pathlib import Path

from .errors import BadArgument

_END = "-----END CERTIFICATE-----"


def trusting(authority: Path) -> ssl.SSLContext:
    """For who connects: what this authority, in PEM, has signed for the host's name. Raises OSError, ssl.SSLError."""
    return ssl.create_default_context(cafile=authority)


def pinned(certificate: Path) -> ssl.SSLContext:
    """For who connects: the one certificate that is first in this file, by whatever name. Raises OSError, ValueError.

    Those behind it in the file are not trusted: what else they have signed is anybody's.
    """
    first, end, _ = certificate.read_text("ascii").partition(_END)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is trusted itself, not for who signed it
    context.load_verify_locations(cadata=first + end)
    return context


def client_context(ca: Path | None, ssl_context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """What an app that connects has said of whom it trusts; None: nothing. Raises BadArgument."""
    if ca is None or ssl_context is not None:
        return ssl_context
    try:
        return trusting(ca)
    except OSError as error:
        raise BadArgument(f"expected certificates in PEM, in {ca}: {error}", command="connect") from error


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """For who listens. Without a key of its own the certificate's file has it. Raises BadArgument."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        message = f"expected a certificate and its key in PEM, in {certificate}: {error}"
        raise BadArgument(message, command="serve") from error
    return context
