"""From hosts to addresses."""

from __future__ import annotations

import pytest

from engine.transport.errors import Unreachable
from engine.transport.resolver import resolve_host
from tests.trio_tests import run_trio


@run_trio
async def test_a_literal_address_is_its_own():
    assert await resolve_host("192.0.2.1") == ["192.0.2.1"]
    assert await resolve_host("2001:db8::1") == ["2001:db8::1"]


@run_trio
async def test_a_name_is_looked_up():
    assert "127.0.0.1" in await resolve_host("localhost")


@run_trio
async def test_a_name_that_is_none_is_unreachable():
    with pytest.raises(Unreachable, match="no address found"):
        await resolve_host("a..b")
