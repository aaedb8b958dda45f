"""Who sent a request: challenges, counts, and what strangers can learn."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.registrar.authentication import Authentication, Challenge
from engine.registrar.users import User, Users
from engine.sip.digest import Authorization

from .register import URI, answer, challenges, register

ALICE = User.of("alice", "secret")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def authentication(clock=None, **options) -> Authentication:
    tokens = itertools.count()
    return Authentication(
        Users([ALICE, User.of("bob", "hidden")]),
        realm="callflow",
        new_token=lambda: f"{next(tokens):016x}",
        clock=clock or Clock(),
        **options,
    )


def challenged(result) -> Challenge:
    assert isinstance(result, Challenge)
    return result


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_right_answer_is_the_user(algorithm):
    check = authentication()
    challenge = challenged(check.check(register()))
    assert challenge.status == 401
    header = answer(challenge.headers, algorithm=algorithm)
    assert check.check(register(headers=[header])) == ALICE


def test_the_challenges_are_md5_and_sha_256_with_auth():
    found = challenges(challenged(authentication().check(register())).headers)
    assert [(c.algorithm, c.qop, c.realm, c.stale) for c in found] == [
        ("MD5", ("auth",), "callflow", False),
        ("SHA-256", ("auth",), "callflow", False),
    ]


@pytest.mark.parametrize(
    ("agent", "is_alone"),
    [
        ("baresip v1.0.0 (x86_64/linux)", True),
        ("baresip v3.11.0", True),
        ("baresip v3.12.1", False),
        ("JsSIP 3.13.8", True),
        ("Linphone", False),
    ],
)
def test_phones_that_stumble_over_another_are_challenged_with_md5_alone(agent, is_alone):
    challenge = challenged(authentication().check(register(headers=[("User-Agent", agent)])))
    assert (len(challenge.headers) == 1) == is_alone


@pytest.mark.parametrize(
    "change",
    [
        {"password": "Secret"},
        {"user": "bob"},
        {"user": "nobody"},
        {"user": ""},
        {"uri": "sip:elsewhere"},
        {"method": "BYE"},
    ],
)
def test_a_wrong_answer_is_challenged_again_and_tells_nothing(change):
    check = authentication()
    headers = challenged(check.check(register())).headers
    challenge = challenged(check.check(register(headers=[answer(headers, **change)])))
    assert not challenge.is_stale
    assert [c.stale for c in challenges(challenge.headers)] == [False, False]


@pytest.mark.parametrize(
    ("change", "counted"),
    [({}, []), ({"password": "Secret"}, ["192.0.2.9"]), ({"user": "nobody"}, ["192.0.2.9"])],
)
def test_wrong_passwords_and_unknown_users_count_alike_against_their_source(change, counted):
    failed: list[str] = []
    check = authentication(on_failure=failed.append)
    headers = challenged(check.check(register(), "192.0.2.9")).headers
    check.check(register(headers=[answer(headers, **change)]), "192.0.2.9")
    assert failed == counted


def test_a_right_password_on_a_nonce_of_before_a_restart_is_no_failure():
    failed: list[str] = []
    before = Authentication(Users([ALICE]), realm="callflow", new_token=lambda: "f" * 16, clock=Clock())
    headers = challenged(before.check(register())).headers
    assert isinstance(
        authentication(on_failure=failed.append).check(register(headers=[answer(headers)]), "a"), Challenge
    )
    assert failed == []


def test_a_count_serves_once_and_must_rise():
    check = authentication()
    headers = challenged(check.check(register())).headers
    for count, is_right in ((1, True), (1, False), (3, True), (2, False), (3, False), (4, True), (0, False)):
        result = check.check(register(headers=[answer(headers, count=count)]))
        assert (result == ALICE) == is_right
        assert is_right or challenged(result).is_stale


def test_a_count_is_shared_by_the_algorithms_of_a_challenge():
    check = authentication()
    headers = challenged(check.check(register())).headers
    assert check.check(register(headers=[answer(headers, algorithm="MD5")])) == ALICE
    assert isinstance(check.check(register(headers=[answer(headers, algorithm="SHA-256")])), Challenge)


def test_a_wrong_password_uses_up_no_count():
    check = authentication()
    headers = challenged(check.check(register())).headers
    check.check(register(headers=[answer(headers, password="wrong", count=9)]))
    assert check.check(register(headers=[answer(headers)])) == ALICE


def test_without_a_count_a_nonce_serves_once():
    check = authentication()
    challenge = challenges(challenged(check.check(register())).headers)[0]
    old = ("WWW-Authenticate", str(replace(challenge, qop=())))
    header = answer([old], algorithm="MD5")
    assert check.check(register(headers=[header])) == ALICE
    assert challenged(check.check(register(headers=[header]))).is_stale


def test_an_old_nonce_is_stale_only_with_the_right_password():
    clock = Clock()
    check = authentication(clock, lifetime=300.0)
    headers = challenged(check.check(register())).headers
    clock.now += 300.1
    assert challenged(check.check(register(headers=[answer(headers)]))).is_stale
    assert not challenged(check.check(register(headers=[answer(headers, password="wrong")]))).is_stale
    assert not challenged(check.check(register(headers=[answer(headers, user="nobody")]))).is_stale


def test_a_nonce_of_another_run_is_not_ours():
    headers = challenged(authentication().check(register())).headers
    other = Authentication(Users([ALICE]), realm="callflow", new_token=lambda: "f" * 16, clock=Clock())
    assert not challenged(other.check(register(headers=[answer(headers)]))).is_stale


def test_what_is_remembered_is_bounded_and_forgetting_lets_no_replay_through():
    clock = Clock()
    check = authentication(clock, max_nonces=3)
    used = []
    for _ in range(10):
        clock.now += 1.0
        header = answer(challenged(check.check(register())).headers)
        assert check.check(register(headers=[header])) == ALICE
        used.append(header)
    assert all(challenged(check.check(register(headers=[header]))).is_stale for header in used)
    assert check.remembered == 3


def test_nonces_that_expired_are_forgotten():
    clock = Clock()
    check = authentication(clock)
    for _ in range(5):
        clock.now += 400.0
        check.check(register(headers=[answer(challenged(check.check(register())).headers)]))
    assert check.remembered == 1


@pytest.mark.parametrize("value", ["", "Digest", "Basic YTpi", "Digest nonce=", "x" * 9000])
def test_a_malformed_authorization_is_challenged(value):
    assert isinstance(authentication().check(register(headers=[("Authorization", value)])), Challenge)


def test_an_authorization_for_another_realm_is_passed_over():
    check = authentication()
    header = answer(challenged(check.check(register())).headers)
    foreign = ("Authorization", header[1].replace('"callflow"', '"elsewhere"'))
    assert check.check(register(headers=[foreign, header])) == ALICE


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=80))
def test_no_nonce_or_uri_makes_it_raise(text):
    made = Authorization(username="alice", realm="callflow", nonce=text, uri=text, response="0" * 32, cnonce=text)
    assert isinstance(authentication().check(register(headers=[("Authorization", str(made))])), Challenge)


def test_sipp_signs_the_address_without_the_number():
    check = authentication()
    invite = register(method="INVITE", uri="sip:1000@pbx.example.com")
    header = answer(challenged(check.check(invite)).headers, method="INVITE", uri=URI)
    assert check.check(register(method="INVITE", uri="sip:1000@pbx.example.com", headers=[header])) == ALICE
    header = answer(challenged(check.check(invite)).headers, method="INVITE", uri="sip:2000@pbx.example.com")
    again = register(method="INVITE", uri="sip:1000@pbx.example.com", headers=[header])
    assert isinstance(check.check(again), Challenge)
