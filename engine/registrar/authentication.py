"""Who sent a request: digest authentication as a server (RFC 3261 §22, RFC 7616, RFC 8760).

An unknown user, a wrong password and a nonce that is not ours look the same from outside: the same work, the same 401.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.sip import digest
from engine.sip.digest import Authorization
from engine.sip.messages import ParseError, Request, Uri

from .nonce import MAX_COUNT, Nonces, NonceState
from .users import User, Users

# MD5 stands first: many phones look at the first challenge only and know nothing else (SIPp 3.6, PJSIP 2.10). A client
# that chooses by strength takes SHA-256 (RFC 7616 §3.7), one that takes the topmost it knows (RFC 8760 §2.4) MD5.
ALGORITHMS = ("MD5", "SHA-256")

# baresip refuses the whole response if one challenge in it is not MD5, until its version 3.12 (baresip/re#1103). JsSIP
# looks at the last challenge only, and knows MD5 only.
_MD5_ONLY = re.compile(r"baresip v(?:[0-2]\.|3\.(?:[0-9]|1[01])\.)|JsSIP ")


@dataclass(frozen=True, slots=True)
class Challenge:
    """Not known yet, or not right: what to answer. `headers` hold one WWW-Authenticate for each algorithm."""

    headers: tuple[tuple[str, str], ...]
    is_stale: bool = False  # the password was right, the nonce too old or used up
    status: int = 401


class Authentication:
    """Checks who sent a request.

    `new_token` gives at least 64 random bits; `clock` is monotonic, in seconds; a nonce lives `lifetime` seconds.
    """

    def __init__(
        self,
        users: Users,
        *,
        realm: str,
        new_token: Callable[[], str],
        clock: Callable[[], float],
        lifetime: float = 300.0,
        max_nonces: int = 10_000,
        on_failure: Callable[[str], None] = lambda source: None,
    ) -> None:
        """`on_failure` is told the source of a wrong password or an unknown user."""
        self._users, self._realm = users, realm
        key = (new_token() + new_token()).encode()
        self._nonces = Nonces(key=key, new_token=new_token, clock=clock, lifetime=lifetime, max_used=max_nonces)
        self._on_failure = on_failure
        self._nobody = User.of("", new_token())  # whose password nobody knows

    def check(self, request: Request, source: str = "") -> User | Challenge:
        """The user who sent this request from an address, or the challenge to answer it with."""
        authorization = self._find_authorization(request)
        if authorization is None:
            return self._challenge(request)
        user = self._users.get(authorization.username)
        is_right = self._is_right(authorization, user or self._nobody, request)
        count = authorization.nonce_count if authorization.qop else MAX_COUNT  # without a count a nonce serves once
        state = self._nonces.judge(authorization.nonce, count)
        if user is None or not is_right:
            self._on_failure(source)  # of both alike; not of a nonce of before a restart
        if user is None or not is_right or state is NonceState.FOREIGN:
            return self._challenge(request)
        if state is NonceState.STALE:
            return self._challenge(request, is_stale=True)
        self._nonces.use(authorization.nonce, count)
        return user

    def challenge_by_proxy(self, request: Request) -> Challenge:
        """What asks the sender who he is for this one call: 407 (RFC 3261 22.3)."""
        return self._challenge(request, status=407)

    @property
    def remembered(self) -> int:
        """How many nonces are remembered: those that were used and have not expired."""
        return self._nonces.used

    def _find_authorization(self, request: Request) -> Authorization | None:
        """The first that answers a challenge of ours. Malformed ones are as good as none."""
        for value in (*request.headers("Authorization"), *request.headers("Proxy-Authorization")):
            try:
                authorization = Authorization.parse(value)
            except digest.ParseError:
                continue
            if authorization.realm == self._realm and authorization.algorithm.upper() in ALGORITHMS:
                return authorization
        return None

    def _is_right(self, authorization: Authorization, user: User, request: Request) -> bool:
        ha1 = user.hash_a1(authorization.algorithm)
        is_known = digest.verify(authorization, ha1=ha1, method=request.method, body=request.body)
        return is_known and authorization.qop in (None, "auth") and _is_same_target(authorization.uri, request.uri)

    def _challenge(self, request: Request, *, is_stale: bool = False, status: int = 401) -> Challenge:
        nonce = self._nonces.issue()
        is_md5_only = _MD5_ONLY.match(request.header("User-Agent") or "")
        challenges = (
            digest.Challenge(realm=self._realm, nonce=nonce, algorithm=algorithm, qop=("auth",), stale=is_stale)
            for algorithm in (ALGORITHMS[:1] if is_md5_only else ALGORITHMS)
        )
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        return Challenge(tuple((name, str(challenge)) for challenge in challenges), is_stale, status)


def _is_same_target(text: str, uri: Uri) -> bool:
    """Whether the URI that was signed names whom the request is for: one that was caught serves no other call.

    RFC 7616 §3.4.6. Ports and parameters are left out of account, as phones differ in whether they sign them; SIPp
    signs no user either.
    """
    try:
        signed = Uri.parse(text)
    except ParseError:
        return False
    return signed.user in (None, uri.user) and signed.host.lower() == uri.host.lower()
