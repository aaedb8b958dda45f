"""Secrets, scopes, and how far the event socket may be open."""

import stat

import pytest

from engine.eventsocket.tokens import ExposureError, Token, Tokens, check_exposure, is_loopback, load_token

from .engine import ADMIN, ANY, OWNER, READER

SECRET = "x" * 43


@pytest.mark.parametrize(
    ("token", "allowed"),
    [
        (READER, {"read"}),
        (OWNER, {"calls:own"}),
        (ANY, {"calls:own", "calls:any"}),
        (ADMIN, {"read", "calls:own", "calls:any", "admin"}),
    ],
)
def test_scopes_imply_others(token, allowed):
    assert {scope for scope in ("read", "calls:own", "calls:any", "admin") if token.allows(scope)} == allowed


def test_a_token_is_found_by_its_secret_alone():
    tokens = Tokens([READER, OWNER])
    assert tokens.find(OWNER.secret) is OWNER
    assert tokens.find("owner") is None
    assert tokens.find("\udcff") is None
    tokens.remove(OWNER)
    tokens.add(ADMIN)
    assert tokens.find(OWNER.secret) is None
    assert tokens.find(ADMIN.secret) is ADMIN


def test_a_secret_is_not_shown():
    assert OWNER.secret not in repr(OWNER)


def test_the_engines_own_token_is_written_for_its_user_alone_and_found_again(tmp_path):
    path = tmp_path / "data" / "token"
    token = load_token(path, lambda: SECRET)
    assert token == Token("local", SECRET, frozenset({"admin"}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == SECRET + "\n"
    assert load_token(path, lambda: "another").secret == SECRET


def test_a_token_that_others_could_read_or_is_none_is_replaced(tmp_path):
    path = tmp_path / "token"
    for text, mode in (("y" * 43, 0o644), ("short", 0o600)):
        path.write_text(text)
        path.chmod(mode)
        assert load_token(path, lambda: SECRET).secret == SECRET
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_is_not_read_through_a_link(tmp_path):
    (tmp_path / "elsewhere").write_text("y" * 43)
    (tmp_path / "elsewhere").chmod(0o600)
    path = tmp_path / "token"
    path.symlink_to(tmp_path / "elsewhere")
    assert load_token(path, lambda: SECRET).secret == SECRET
    assert (tmp_path / "elsewhere").read_text() == "y" * 43


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("[::1]", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "", "192.0.2.1", "example.com")],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("has_tokens", "has_tls", "allow_plaintext", "says"),
    [
        (False, True, True, "configure tokens"),
        (True, False, False, "allow_plaintext = true"),
        (True, True, False, None),
        (True, False, True, None),
    ],
)
def test_beyond_loopback_tokens_and_tls_are_needed(has_tokens, has_tls, allow_plaintext, says):
    facts = {"has_tokens": has_tokens, "has_tls": has_tls, "allow_plaintext": allow_plaintext}
    check_exposure("127.0.0.1", **facts)
    if says is None:
        check_exposure("0.0.0.0", **facts)
    else:
        with pytest.raises(ExposureError, match=says):
            check_exposure("0.0.0.0", **facts)
