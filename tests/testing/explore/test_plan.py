"""Which walk is next, and how a walk goes on; without a simulation."""

from __future__ import annotations

from callflow.simulation.explore.finding import LOOP, NO_WAY_OUT, find
from callflow.simulation.explore.graph import END, Graph
from callflow.simulation.explore.option import HangUp, LetGo, Press
from callflow.simulation.explore.plan import FOR_EVER, OFTEN, Plan
from callflow.simulation.explore.step import Point, State, Walk

NOTHING, ONE, TWO, HANG_UP = LetGo("keys nothing"), Press("1", "1"), Press("2", "2"), HangUp()


def point(name: str, *options) -> Point:
    return Point(State("caller", name, ()), name, "", (*options, HANG_UP), is_input=True, is_engaging=True)


MENU, MORE = point("menu", NOTHING, ONE, TWO), point("more", NOTHING, ONE)
MUSIC = point("music", LetGo())


def walk_all(script, *, deepest: int = 100) -> tuple[list[Walk], Graph]:
    """All walks of a script, which is a function of a list of options: the next point, or None at its end."""
    plan, graph, walks = Plan(deepest=deepest), Graph("1000"), []
    while (course := plan.next()) is not None:
        end = "script"
        while (here := script([step.option for step in course.taken])) is not None:
            option = course.choose(here)
            if isinstance(option, str):
                end = option
                break
            if option == HANG_UP:
                end = "caller"
                break
        walk = Walk("1000", tuple(course.taken), end, course.last, is_alike=course.is_alike)
        plan.learn(walk)
        graph.add(walk)
        walks.append(walk)
    return walks, graph


def labels(walks) -> list[list[str]]:
    return [[step.option.label for step in walk.steps] for walk in walks]


def kinds(script) -> list[str]:
    walks, graph = walk_all(script)
    return [finding.kind for finding in find(graph, walks)]


def test_each_option_of_each_point_is_tried_once_the_shortest_walks_first():
    def script(done):
        return MENU if not done else MORE if done == [ONE] else None

    walks, graph = walk_all(script)
    assert labels(walks) == [
        ["keys nothing"],
        ["1", "keys nothing"],
        ["2"],
        ["hangs up"],
        ["1", "1"],
        ["1", "hangs up"],
    ]
    assert graph.targets(MENU.state, ONE) == [MORE.state]
    assert graph.targets(MORE.state, ONE) == [END]
    assert kinds(script) == []


def test_a_walk_ends_where_it_meets_what_is_known():
    walks, graph = walk_all(lambda done: MENU if not done or done[-1] == TWO else MORE if done[-1] == ONE else None)
    assert graph.targets(MENU.state, TWO) == [MENU.state]
    assert max(len(walk.steps) for walk in walks) == OFTEN + 1


def test_who_does_the_same_again_finds_what_comes_after_the_third_time():
    def script(done):
        return MENU if done.count(ONE) < 3 and NOTHING not in done else None

    _, graph = walk_all(script)
    assert graph.targets(MENU.state, ONE) == [MENU.state, END]


def test_a_menu_that_asks_for_ever_has_no_way_out():
    walks, _ = walk_all(lambda done: MENU if not done or done[-1] in (NOTHING, ONE) else None)
    assert len(walks[0].steps) == FOR_EVER
    assert kinds(lambda done: MENU if not done or done[-1] in (NOTHING, ONE) else None) == [NO_WAY_OUT]


def test_a_menu_that_gives_up_is_good():
    assert kinds(lambda done: MENU if done.count(NOTHING) < 10 and TWO not in done else None) == []


def test_music_without_end_and_a_menu_out_of_which_no_key_leads_are_loops():
    assert kinds(lambda done: MUSIC) == [LOOP]
    assert kinds(lambda done: MENU) == [LOOP]


def test_of_two_menus_that_lead_to_each_other_one_is_told():
    walks, graph = walk_all(lambda done: MENU if len(done) % 2 == 0 else MORE)
    [finding] = find(graph, walks)
    assert finding.path == ("calls 1000",)


def test_a_walk_is_no_longer_than_it_may_be():
    walks, graph = walk_all(lambda done: point(f"point {len(done)}", NOTHING), deepest=7)
    assert {len(walk.steps) for walk in walks} <= set(range(1, 8))
    assert walks[0].end == "limit"
    assert find(graph, walks) == []


def test_a_script_that_does_not_do_the_same_again_is_noticed():
    plan = Plan(deepest=9)
    first = plan.next()
    assert first is not None
    first.choose(MENU)
    plan.learn(Walk("1000", tuple(first.taken), "script"))
    second = plan.next()
    assert second is not None
    second.choose(MORE)
    assert (first.is_alike, second.is_alike) == (True, False)
