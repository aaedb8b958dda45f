"""Who takes a call that comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from engine.channels.ports import Admission, Owner, Refusal
from engine.registrar.authentication import Authentication
from engine.registrar.users import User, Users
from engine.scripting.decision import BY_DEFAULT, ON_LOOPBACK, RouteSpec, Rules
from engine.scripting.routing import CallRouter
from engine.sip.digest import Credentials, authorize, parse_challenges
from engine.sip.events import Flow, InviteReceived
from engine.sip.identity import IdentityPolicy
from engine.sip.messages import parse_datagram
from engine.trunks.spec import TargetSpec, TrunkSpec
from engine.trunks.trunk import Trunk

FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5062))


@dataclass
class Session:
    owner: Owner
    routes: tuple[str, ...] = ()


class Sessions:
    """Apps and the patterns of their session; `add` and `lose` tell the router."""

    def __init__(self, **routes: tuple[str, ...]) -> None:
        self.by_app: dict[str, list[Session]] = {}
        self.on_change: list[Callable[[str], None]] = []
        self._routes = routes

    def open(self) -> None:
        for app, patterns in self._routes.items():
            self.add(app, patterns)

    def add(self, app: str, patterns: tuple[str, ...], session: str | None = None) -> None:
        self.by_app.setdefault(app, []).append(Session(Owner(app, session or f"session of {app}"), patterns))
        self._tell(app)

    def lose(self, app: str) -> None:
        del self.by_app[app]
        self._tell(app)

    @property
    def apps(self):
        return tuple(self.by_app)

    def of(self, app):
        return tuple(self.by_app.get(app, ()))

    def takers(self, app):
        return self.of(app)

    def session_for(self, app):
        turns = self.by_app.get(app)
        if not turns:
            return None
        turns.append(turns.pop(0))
        return turns[-1]

    def _tell(self, app: str) -> None:
        for hook in self.on_change:
            hook(app)


def invite(to="1000", *, user="guest", authorization=None) -> InviteReceived:
    lines = [
        f"INVITE sip:{to}@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1",
        f"From: <sip:{user}@127.0.0.1>;tag=f",
        f"To: <sip:{to}@127.0.0.1>",
        "Call-ID: 1",
        "CSeq: 1 INVITE",
        *([f"Authorization: {authorization}"] if authorization else []),
        "",
        "",
    ]
    return InviteReceived(None, parse_datagram("\r\n".join(lines).encode()), FLOW)


def router(
    *routes: RouteSpec, sessions=None, apps=(), is_loopback=True, profiles=None, at=0.0, trunk=None
) -> CallRouter:
    users = Users([User.of("alice", "secret"), User.of("bob", "hidden")])
    tokens = iter(f"{number:032x}" for number in range(1000))
    authentication = Authentication(users, realm="callflow", new_token=lambda: next(tokens), clock=lambda: 0.0)
    sessions = sessions if sessions is not None else Sessions(ivr=("1000", "2..."))
    made = CallRouter(
        rules=Rules(routes, sources=ON_LOOPBACK if is_loopback else BY_DEFAULT),
        profiles=profiles or {},
        epoch=lambda: at,
        apps=apps,
        sessions=sessions,
        authentication=authentication,
        is_user=lambda name: users.get(name) is not None,
        find_trunk=lambda flow: trunk,
    )
    sessions.open()
    return made


def answer(refusal: Refusal, *, user="alice", password="secret", to="1000") -> str:
    assert refusal.status == 401
    challenges = parse_challenges(value for name, value in refusal.headers if name == "WWW-Authenticate")
    made = authorize(
        challenges, Credentials(user, password), method="INVITE", uri=f"sip:{to}@127.0.0.1", cnonce="c", nonce_count=1
    )
    assert made is not None
    return str(made)


def make_trunk(**settings) -> Trunk:
    spec = TrunkSpec(name="carrier", targets=(TargetSpec(host="192.0.2.7"),), **settings)
    return Trunk(spec, events=None, clock=lambda: 0.0, chance=lambda: 0.0)


def test_a_call_by_a_trunk_need_not_authenticate_though_its_caller_is_named_like_a_user():
    trunk = make_trunk()
    admission = router(trunk=trunk, is_loopback=False).route(invite("2345", user="alice"))
    assert isinstance(admission, Admission)
    assert (admission.user, admission.trunk) == (None, trunk)


def test_a_call_by_a_trunk_is_in_the_trunk_s_context():
    routes = [RouteSpec(app="ivr", contexts=frozenset({"internal"}))]
    assert router(*routes, trunk=make_trunk()).route(invite("2345")) == Refusal(404)
    assert isinstance(router(*routes, trunk=make_trunk(context="internal")).route(invite("2345")), Admission)


def test_without_routes_the_app_s_patterns_apply():
    admission = router().route(invite("2345"))
    assert admission == Admission(app="ivr", route="2...", owner=Owner("ivr", "session of ivr"))


@pytest.mark.parametrize("to", ["3000", "10000", "2" * 129])
def test_a_number_that_nobody_takes_is_404(to):
    assert router().route(invite(to)) == Refusal(404)


def test_a_request_without_a_user_part_is_404():
    request = invite().request.raw.replace(b"sip:1000@", b"sip:", 1)
    assert router().route(InviteReceived(None, parse_datagram(request), FLOW)) == Refusal(404)


def test_apps_are_asked_in_the_order_of_the_configuration():
    sessions = Sessions(second=("1000",), first=("1...",))
    assert router(sessions=sessions, apps=["first", "second"]).route(invite()).app == "first"


def test_a_route_chooses_the_app_and_the_app_the_function():
    sessions = Sessions(one=("1000",), two=("[0-9]+",))
    routes = [RouteSpec(to="1...", app="two"), RouteSpec(to=".*", app="one")]
    assert router(*routes, sessions=sessions).route(invite("1000")).app == "two"
    assert router(*routes, sessions=sessions).route(invite("1000")).route == "[0-9]+"
    assert router(*routes, sessions=sessions).route(invite("2000")) == Refusal(404)


def test_an_app_that_joins_without_patterns_takes_what_its_route_gives_it():
    admission = router(RouteSpec(to="1000", app="raw"), sessions=Sessions(raw=())).route(invite())
    assert admission == Admission(app="raw", owner=Owner("raw", "session of raw"))


def test_an_app_that_is_away_is_waited_for():
    sessions = Sessions(ivr=("1000",))
    chosen = router(sessions=sessions, apps=["ivr"])
    assert chosen.route(invite()).owner is not None
    sessions.lose("ivr")
    assert chosen.route(invite()) == Admission(app="ivr", route="1000", owner=None)
    assert chosen.route(invite("9999")) == Refusal(404)
    assert router(RouteSpec(to="1000", app="new"), sessions=Sessions()).route(invite()) == Admission(app="new")


def test_of_several_sessions_one_takes_the_call_that_takes_the_number():
    sessions = Sessions()
    chosen = router(sessions=sessions)
    sessions.add("ivr", ("1000",), "first")
    sessions.add("ivr", ("2000",), "second")
    assert {chosen.route(invite("2000")).owner.session for _ in range(4)} == {"second"}
    assert {chosen.route(invite("1000")).owner.session for _ in range(4)} == {"first"}
    assert chosen.route(invite("3000")) == Refusal(404)


def test_a_route_to_a_socket_admits_for_whoever_will_be_there():
    url = "ws://127.0.0.1:9000/call"
    assert router(RouteSpec(to="1000", socket=url)).route(invite()) == Admission(app=url)


def test_a_user_must_authenticate_and_is_named():
    chosen = router()
    challenge = chosen.route(invite(user="alice"))
    admission = chosen.route(invite(user="alice", authorization=answer(challenge)))
    assert isinstance(admission, Admission)
    assert admission.user == "alice"


def test_a_wrong_password_is_challenged_again():
    chosen = router()
    wrong = answer(chosen.route(invite(user="alice")), password="guess")
    assert chosen.route(invite(user="alice", authorization=wrong)).status == 401


def test_one_user_may_not_call_under_the_name_of_another():
    chosen = router()
    of_bob = answer(chosen.route(invite(user="alice")), user="bob", password="hidden")
    assert chosen.route(invite(user="alice", authorization=of_bob)) == Refusal(403)


def test_a_user_may_show_a_number_that_is_no_user_s():
    chosen = router(is_loopback=False)
    authorization = answer(chosen.route(invite(user="+44123")))
    assert chosen.route(invite(user="+44123", authorization=authorization)).user == "alice"


def test_beyond_loopback_an_anonymous_caller_is_challenged_whatever_the_number():
    chosen = router(is_loopback=False)
    assert chosen.route(invite("1000")).status == 401
    assert chosen.route(invite("9999")).status == 401


def test_an_anonymous_caller_reaches_only_what_admits_anyone():
    routes = [RouteSpec(to="1000", app="ivr"), RouteSpec(to="2...", app="ivr", sources=frozenset({"anyone"}))]
    chosen = router(*routes, is_loopback=False)
    assert chosen.route(invite("2000")).app == "ivr"
    assert chosen.route(invite("1000")).status == 401
    authorization = answer(chosen.route(invite(user="alice")))
    assert chosen.route(invite(user="alice", authorization=authorization)).app == "ivr"


def test_whether_a_name_is_a_user_s_is_not_to_be_learned_where_some_routes_are_for_users():
    routes = [RouteSpec(to="1000", app="ivr", sources=frozenset({"users"})), RouteSpec(to="2...", app="ivr")]
    chosen = router(*routes)
    refusals = [chosen.route(invite(to, user=user)) for to in ("1000", "9999") for user in ("alice", "nobody")]
    assert {refusal.status for refusal in refusals} == {401}
    assert len({tuple(name for name, _ in refusal.headers) for refusal in refusals}) == 1


def test_patterns_of_an_app_that_are_none_are_passed_over():
    assert router(sessions=Sessions(ivr=("(", "1000"))).route(invite()).route == "1000"


SECURE = RouteSpec(to="9...", app="ivr", sources=frozenset({"anyone"}), requires=frozenset({"tls"}))
PROVED = RouteSpec(to="9...", app="ivr", sources=frozenset({"anyone"}), requires=frozenset({"authenticated"}))
IVR = {"ivr": ("9...",)}


@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_a_route_that_requires_tls_takes_calls_that_travel_encrypted(transport):
    call = invite("9000")
    encrypted = InviteReceived(None, call.request, FLOW._replace(transport=transport))
    assert isinstance(router(SECURE, sessions=Sessions(**IVR)).route(encrypted), Admission)


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
def test_and_refuses_others_without_asking_the_routes_that_follow(transport):
    call = InviteReceived(None, invite("9000").request, FLOW._replace(transport=transport))
    refusal = router(SECURE, RouteSpec(app="ivr"), sessions=Sessions(**IVR)).route(call)
    assert refusal == Refusal(403, "Requires TLS")


def test_a_route_that_requires_it_asks_an_anonymous_caller_who_he_is_and_takes_him_then():
    chosen = router(PROVED, sessions=Sessions(**IVR))
    refusal = chosen.route(invite("9000", user="+44123"))
    assert refusal.status == 407
    challenges = parse_challenges(value for name, value in refusal.headers if name == "Proxy-Authenticate")
    made = authorize(
        challenges,
        Credentials("alice", "secret"),
        method="INVITE",
        uri="sip:9000@127.0.0.1",
        cnonce="c",
        nonce_count=1,
    )
    request = invite("9000", user="+44123").request.raw.replace(
        b"\r\n\r\n", f"\r\nProxy-Authorization: {made}\r\n\r\n".encode()
    )
    admission = chosen.route(InviteReceived(None, parse_datagram(request), FLOW))
    assert isinstance(admission, Admission)
    assert admission.user == "alice"


def test_a_trunk_cannot_prove_that():
    refusal = router(PROVED, sessions=Sessions(**IVR), trunk=make_trunk()).route(invite("9000"))
    assert refusal == Refusal(403, "Requires Authentication")


def test_what_a_route_requires_of_callers_it_does_not_of_apps_but_of_those_who_transfer():
    chosen = router(PROVED, sessions=Sessions(**IVR))
    assert chosen.take("9000") is not None
    assert chosen.take_for("9000", "alice") is not None
    assert chosen.take_for("9000", None) is None
    assert router(SECURE, sessions=Sessions(**IVR)).take_for("9000", "alice") is None


def test_a_route_decides_by_the_number_that_a_trunk_s_identity_header_tells():
    trunk = make_trunk(identity=IdentityPolicy("pai"))
    chosen = router(RouteSpec(app="ivr", caller=r"\+4930.*", sources=frozenset({"trunks"})), trunk=trunk)
    told = invite().request.raw.replace(b"\r\n\r\n", b"\r\nP-Asserted-Identity: <sip:+4930123@c>\r\n\r\n")
    assert isinstance(chosen.route(InviteReceived(None, parse_datagram(told), FLOW)), Admission)
    assert chosen.route(invite()) == Refusal(404)
