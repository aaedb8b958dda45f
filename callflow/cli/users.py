"""The users of an engine without a configuration: alice and bob, with passwords made at the first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from engine.config import User, load

NAMES = ("alice", "bob")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that look alike: people type them into phones
_LENGTH = 12  # 60 bits


def load_users(data: Path) -> tuple[User, ...]:
    """The users in DATA/users.toml, which is made if there is none. Raises ConfigError and OSError."""
    path = data / "users.toml"
    if not path.exists():
        _create(path)
    return load(path).users


def _create(path: Path) -> None:
    users = "\n".join(f'[[user]]\nname = "{name}"\npassword = "{new_password()}"\n' for name in NAMES)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# The users of `callflow run`. Change them as you like; remove the file for new ones.\n\n{users}")


def new_password() -> str:
    """One that nobody guesses, and that can be typed into a phone."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
