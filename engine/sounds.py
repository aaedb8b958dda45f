"""[sounds]: which hosts sounds may come from, and how it is known that they are those."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from callflow.runtime.lua.hosts import is_allowed, read_host
from engine.eventsocket.certificate import CertificateError, trusting
from engine.web.terms import Terms

from .toml_reader import Wrong, list_of, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """[sounds]. Without `http`, none comes from elsewhere. `ca`: who signed the hosts' certificates, in PEM."""

    http: tuple[str, ...] = ()
    ca: Path | None = None

    @property
    def terms(self) -> Terms:
        """Who may be asked."""
        return Terms(self.http, is_allowed, trusting(self.ca) if self.ca is not None else None)


def find_authority(sounds: Sounds, folder: Path) -> Sounds:
    """The same, its path seen from the folder. Raises Wrong."""
    if sounds.ca is None:
        return sounds
    ca = (folder / sounds.ca).absolute()
    try:
        trusting(ca)
    except CertificateError as error:
        raise Wrong(str(error), at=("sounds", "ca")) from error
    return replace(sounds, ca=ca)


SOUNDS = MappingProxyType({
    "http": ("http", list_of(lambda value: read_host(read_text(value)))),
    "ca": ("ca", lambda value: Path(read_text(value))),
})
