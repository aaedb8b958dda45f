"""What the configuration says of how peers tell who calls, of headers and of prices."""

from __future__ import annotations

import pytest

from engine.config import Config, ConfigError, load
from engine.sip.identity import IdentityPolicy

TRUNK = '[[trunk]]\nname = "c"\ntargets = "sip.example.net"\n'


def read(folder, text: str) -> Config:
    path = folder / "callflow.toml"
    path.write_text(text)
    return load(path)


def test_one_header_stands_for_both_ways(tmp_path):
    (trunk,) = read(tmp_path, TRUNK + 'identity = "pai"').trunks
    assert trunk.identity == IdentityPolicy("pai", "pai")


def test_each_way_has_its_own_header_and_from_without(tmp_path):
    (trunk,) = read(tmp_path, TRUNK + 'identity = { in = "rpid" }').trunks
    assert trunk.identity == IdentityPolicy("rpid", "from")
    (user,) = read(tmp_path, '[[user]]\nname = "pbx"\npassword = "x"\nidentity = { in = "ppi", out = "pai" }').users
    assert user.identity == IdentityPolicy("ppi", "pai")


def test_headers_and_prices_are_read(tmp_path):
    text = 'headers = { "X-Account" = "77" }\nstrip = ["X-Internal"]\ncosts = { "+" = 5, "+4930" = 0.5, "+49" = 1 }'
    (trunk,) = read(tmp_path, TRUNK + text).trunks
    assert trunk.headers == (("X-Account", "77"),)
    assert trunk.strip == {"x-internal"}
    assert trunk.costs == (("+4930", 0.5), ("+49", 1.0), ("+", 5.0))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('identity = "paid"', 'did you mean "pai"?'),
        ("identity = 7", "expected a header that tells who calls"),
        ('identity = { on = "pai" }', "unknown key"),
        ('headers = { "Via" = "x" }', "header Via is written by the engine"),
        ('headers = { "X-A" = 7 }', "expected a string, got 7"),
        ('headers = ["X-A"]', "expected headers and their values"),
        ('headers = { "X-A" = "' + "x" * 1100 + '" }', "expected at most 1024 characters"),
        ("headers = { " + ", ".join(f'"X-{n}" = "x"' for n in range(65)) + " }", "expected at most 64 headers"),
        ('costs = { "+49" = -1 }', "expected a price of 0 or more"),
        ('costs = { "+49" = true }', "expected a price of 0 or more"),
        ('costs = { "abc" = 1 }', 'expected the beginning of a number such as "+49"'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, line, expected):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, TRUNK + line)
    assert expected in str(error.value)
    assert error.value.line == 4


def test_too_many_prices_are_refused(tmp_path):
    prices = ", ".join(f'"{number}" = 1' for number in range(10_001))
    with pytest.raises(ConfigError, match="expected at most 10000 prices"):
        read(tmp_path, TRUNK + f"costs = {{ {prices} }}")
