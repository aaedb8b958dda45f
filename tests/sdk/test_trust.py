"""Certificates that cannot be used are told off before anything is tried."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from callflow.errors import BadArgument
from callflow.trust import client_context, pinned, server_context


def test_without_a_word_the_system_decides():
    assert client_context(None, None) is None


def test_a_context_of_one_s_own_goes_first(tmp_path: Path):
    own = ssl.create_default_context()
    assert client_context(tmp_path / "missing.pem", own) is own


@pytest.mark.parametrize("content", [None, "nonsense"])
def test_an_authority_that_cannot_be_read_is_a_bad_argument(tmp_path: Path, content: str | None):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadArgument, match=r"expected certificates in PEM, in .*ca\.pem"):
        client_context(file, None)
    with pytest.raises(BadArgument, match=r"expected a certificate and its key in PEM, in .*ca\.pem"):
        server_context(file, None)
    with pytest.raises((OSError, ValueError)):
        pinned(file)
