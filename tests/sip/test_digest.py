"""RFC 7616 and RFC 2617: challenges, their answers, and what the parser must not fall over."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sip.digest import (
    MAX_LENGTH,
    Authorization,
    Challenge,
    Credentials,
    ParseError,
    authorize,
    choose_challenge,
    hash_a1,
    is_known,
    parse_challenges,
    verify,
)

# RFC 7616 §3.9.1, with its two challenges and the answers to them.
MUFASA = Credentials("Mufasa", "Circle of Life")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
CHALLENGES = [
    f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", '
    f'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    for algorithm in ("SHA-256", "MD5")
]


def answer(algorithm="MD5", **changes) -> Authorization:
    challenge = Challenge(realm="pbx", nonce="n", algorithm=algorithm, **({"qop": ("auth",)} | changes))
    authorization = authorize(
        [challenge], Credentials("alice", "secret"), method="REGISTER", uri="sip:pbx", cnonce="c", body=b"v=0"
    )
    assert authorization is not None
    return authorization


def test_the_md5_example_of_rfc_7616():
    made = authorize(parse_challenges(CHALLENGES[1:]), MUFASA, method="GET", uri="/dir/index.html", cnonce=CNONCE)
    assert made is not None
    assert made.response == "8ca523f5e9506fed4657c9700eebdbec"


def test_the_sha_256_example_of_rfc_7616_is_the_one_chosen_of_both():
    for order in (CHALLENGES, CHALLENGES[::-1]):
        made = authorize(parse_challenges(order), MUFASA, method="GET", uri="/dir/index.html", cnonce=CNONCE)
        assert made is not None
        assert made.response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_the_example_of_rfc_2617():
    challenge = Challenge(
        realm="testrealm@host.com",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
        qop=("auth", "auth-int"),
        opaque="5ccc069c403ebaf9f0171e9517f40e41",
    )
    credentials = Credentials("Mufasa", "Circle Of Life")
    made = authorize([challenge], credentials, method="GET", uri="/dir/index.html", cnonce="0a4f113b")
    assert made is not None
    assert made.response == "6629fae49393a05397450978507c4ef1"
    assert str(made) == (
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", response="6629fae49393a05397450978507c4ef1", algorithm=MD5, cnonce="0a4f113b", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41", qop=auth, nc=00000001'
    )


@pytest.mark.parametrize("algorithm", ["MD5", "md5", "SHA-256", "MD5-sess", "SHA-256-sess"])
@pytest.mark.parametrize("qop", [("auth",), ("auth-int",), ("auth-int", "auth"), ()])
def test_what_a_client_answers_the_server_verifies(algorithm, qop):
    received = Authorization.parse(str(answer(algorithm, qop=qop)))
    ha1 = hash_a1(algorithm, "alice", "pbx", "secret")
    assert verify(received, ha1=ha1, method="REGISTER", body=b"v=0")
    assert not verify(received, ha1=ha1, method="INVITE", body=b"v=0")
    assert not verify(received, ha1=hash_a1(algorithm, "alice", "pbx", "Secret"), method="REGISTER", body=b"v=0")
    assert verify(received, ha1=ha1, method="REGISTER", body=b"v=1") == (qop != ("auth-int",))


@pytest.mark.parametrize("field", ["nonce", "uri", "nonce_count", "cnonce"])
def test_every_signed_parameter_counts(field):
    changed = dataclasses.replace(answer(), **{field: 7 if field == "nonce_count" else "other"})
    assert not verify(changed, ha1=hash_a1("MD5", "alice", "pbx", "secret"), method="REGISTER")


def test_auth_is_preferred_to_auth_int():
    assert answer(qop=("auth-int", "auth")).qop == "auth"


def test_without_qop_there_is_no_count_and_no_cnonce():
    assert "nc=" not in str(answer(qop=()))
    assert "cnonce=" not in str(answer(qop=()))


def test_challenges_that_cannot_be_answered_are_passed_over():
    strange = [
        Challenge(realm="r", nonce="n", algorithm="AKAv1-MD5", qop=("auth",)),
        Challenge(realm="r", nonce="n", algorithm="MD5", qop=("token",)),
    ]
    assert choose_challenge(strange) is None
    assert authorize(strange, MUFASA, method="GET", uri="/", cnonce="c") is None
    assert not is_known("SHA-512-256")


def test_other_schemes_and_malformed_challenges_are_left_out():
    assert [c.realm for c in parse_challenges(['Basic realm="x"', "Digest realm=", 'digest realm="y",nonce=abc'])] == [
        "y"
    ]


def test_a_challenge_survives_the_wire():
    challenge = Challenge(
        realm='a "b" \\ c', nonce="n", algorithm="SHA-256", qop=("auth", "auth-int"), opaque="", stale=True
    )
    assert Challenge.parse(str(challenge)) == challenge


def test_quoted_pairs_commas_and_empty_elements_are_understood():
    parsed = Challenge.parse(r'DIGEST ,realm = "a\"b, c" ,, nonce="=",algorithm="MD5", STALE=TRUE, x=1,')
    assert (parsed.realm, parsed.nonce, parsed.stale) == ('a"b, c', "=", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Basic YWxhZGRpbg==",
        'Digest realm="r"',
        'Digest realm="r, nonce="n"',
        'Digest realm="r" nonce="n"',
        'Digest realm="r", realm="r", nonce="n"',
        'Digest realm="r\x00", nonce="n"',
        'Digest realm="r", nonce="n", =',
        'Digest realm="r", nonce="' + "n" * MAX_LENGTH + '"',
        'Digest realm="r", nonce="n"' + "".join(f", x{i}=1" for i in range(40)),
    ],
)
def test_a_malformed_challenge_is_a_parse_error(text):
    with pytest.raises(ParseError):
        Challenge.parse(text)


GOOD = 'Digest username="u", realm="r", nonce="n", uri="sip:r", response="00", cnonce="c", nc=00000001, qop=auth'


@pytest.mark.parametrize("missing", ["username", "realm", "nonce", "uri", "response", "cnonce", "nc"])
def test_an_authorization_lacks_nothing(missing):
    assert Authorization.parse(GOOD).nonce_count == 1
    text = ", ".join(part for part in GOOD.removeprefix("Digest ").split(", ") if not part.startswith(missing))
    with pytest.raises(ParseError, match=missing):
        Authorization.parse("Digest " + text)


@pytest.mark.parametrize("count", ["", "0000000g", "123456789", "-1"])
def test_a_count_is_hexadecimal_and_short(count):
    with pytest.raises(ParseError):
        Authorization.parse(GOOD.replace("00000001", f'"{count}"'))


def test_values_of_our_own_with_line_breaks_are_refused():
    with pytest.raises(ValueError, match="control"):
        str(Challenge(realm="a\r\nX: y", nonce="n"))


def test_a_password_is_not_shown():
    assert "Circle" not in repr(MUFASA)


PIECES = st.sampled_from([
    "Digest ",
    "realm",
    "nonce",
    "=",
    '"',
    "\\",
    ",",
    " ",
    "nc",
    "00000001",
    "qop=auth",
    "\x00",
    "é",
])


@given(st.one_of(st.text(), st.lists(PIECES).map("".join).map("Digest {}".format)))
def test_no_text_raises_anything_but_parse_error(text):
    for parse in (Challenge.parse, Authorization.parse):
        try:
            parsed = parse(text)
        except ParseError:
            continue
        assert type(parsed).parse(str(parsed)) == parsed


@given(st.text(max_size=20))
def test_no_response_in_an_authorization_makes_verify_raise(response):
    assert not verify(dataclasses.replace(answer(), response=response), ha1="0" * 32, method="REGISTER")
