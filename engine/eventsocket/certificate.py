"""The event socket's certificate: checked before it is used, and taken anew when its files change.

Connections that are up keep theirs; a new pair that cannot be read changes nothing but the log.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog
import trio
from watchfiles import awatch

WATCH_STEP_MS = 200  # whoever renews a certificate writes two files

logger = structlog.get_logger("engine.eventsocket")


class CertificateError(ValueError):
    """A certificate or a key that cannot be used; the text says which, and why."""


class ServerCertificate:
    """A certificate with its key, in PEM. Without a key of its own the certificate's file has it."""

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        """Read them. Raises CertificateError."""
        self._certificate = certificate
        self._key = key
        self._current = load_pair(certificate, key)
        self._content = self._read()
        self.context = load_pair(certificate, key)
        self.context.sni_callback = self._choose

    def renew(self) -> None:
        """Read the files again, and use what they hold from the next handshake on."""
        try:
            content = self._read()
            self._current = load_pair(self._certificate, self._key)
        except (CertificateError, OSError) as error:
            logger.error("the certificate stays as it is", error=str(error))
            return
        self._content = content
        logger.info("certificate renewed", certificate=str(self._certificate))

    async def watch(self) -> None:
        """Renew it whenever its files have changed, until cancelled."""
        folders = {path.absolute().parent for path in (self._certificate, self._key) if path is not None}
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_set_when_cancelled, stop)
            try:
                # Links lead to what is renewed, often (certbot, Kubernetes): the folder changes, the name does not.
                async for _ in awatch(
                    *folders, watch_filter=None, step=WATCH_STEP_MS, stop_event=stop, recursive=False
                ):
                    self._look()
            except OSError as error:
                logger.warning("cannot watch the certificate; SIGHUP renews it", error=str(error))
            nursery.cancel_scope.cancel()

    def _look(self) -> None:
        try:
            has_changed = self._read() != self._content
        except OSError:  # in the middle of being replaced
            return
        if has_changed:
            self.renew()

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        """OpenSSL asks for every handshake, be a name given or not."""
        connection.context = self._current

    def _read(self) -> bytes:
        return b"\0".join(path.read_bytes() for path in (self._certificate, self._key) if path is not None)


def load_pair(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A server's context with this certificate. Raises CertificateError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise CertificateError(f"expected a PEM file, but there is no file {str(path)!r}")
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        files = str(certificate) if key is None else f"{certificate} and {key}"
        raise CertificateError(f"expected a certificate and its key in PEM, in {files}: {error}") from error
    return context


def trusting(authority: Path) -> ssl.SSLContext:
    """A client's context that trusts what this authority, in PEM, has signed, and nothing else.

    Raises CertificateError.
    """
    try:
        return ssl.create_default_context(cafile=authority)
    except (ssl.SSLError, OSError) as error:
        raise CertificateError(f"expected certificates in PEM, in {authority}: {error}") from error


def _refuse_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for its password")


async def _set_when_cancelled(stop: trio.Event) -> None:
    try:
        await trio.sleep_forever()
    finally:
        stop.set()
