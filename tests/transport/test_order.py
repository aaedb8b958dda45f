"""The order in which targets are tried (RFC 2782)."""

from __future__ import annotations

import random
from collections import Counter

from engine.transport.order import order
from engine.trunks.spec import TargetSpec


def target(host: str, priority: int = 0, weight: int = 1) -> TargetSpec:
    return TargetSpec(host=host, priority=priority, weight=weight)


def hosts(targets, chance) -> str:
    return "".join(target.host for target in order(targets, chance=chance))


def test_the_lowest_priority_comes_first_whatever_the_weights_are():
    targets = [target("c", 20, 100), target("a", 5, 1), target("b", 10, 50)]
    assert hosts(targets, random.Random(1).random) == "abc"


def test_of_equals_each_is_first_as_often_as_its_weight_says():
    rng = random.Random(1)
    firsts = Counter(hosts([target("a", weight=70), target("b", weight=30)], rng.random)[0] for _ in range(2000))
    assert 1300 < firsts["a"] < 1500


def test_the_weight_0_comes_first_only_by_the_rarest_chance():
    targets = [target("a", weight=9), target("b", weight=0)]
    assert hosts(targets, lambda: 0.0) == "ba"
    assert hosts(targets, lambda: 0.0001) == "ab"


def test_weights_that_are_all_0_leave_nobody_out():
    assert sorted(hosts([target("a", weight=0), target("b", weight=0)], lambda: 0.9)) == ["a", "b"]
