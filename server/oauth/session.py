"""Who is signed in at a browser: a cookie of random bits, of which the database has the hash.

A second cookie only tells browsers apart. Whoever has it is nobody yet, but what was begun in a browser is
ended in that browser.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from flask import Request, Response, g

from server import clock
from server.interaction.opening import index_key
from server.search.hash import Hasher
from server.settings import Settings
from server.store import accounts, sessions
from server.store.accounts import Account
from server.store.database import Database
from server.store.fingerprint import fingerprint
from server.store.sessions import Session

_SESSION, _BROWSER = "childrecord-session", "childrecord-browser"
_LONGEST_DEVICE = 200
_REMEMBER = timedelta(minutes=1)
"""A session's use is written down no more often than this."""
_HALF_WAY = timedelta(minutes=10)
"""What is left, after a right password, to give the code as well."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person at a browser. `session.authenticated` is None while a code is still wanted."""

    session: Session
    account: Account


class Sessions:
    """The sessions of this server."""

    def __init__(self, found: Settings, database: Database) -> None:
        self._settings, self._database = found, database
        self._secure = found.issuer.startswith("https:")
        self.idle = timedelta(seconds=found.session_idle)
        self._life = timedelta(seconds=found.session_lifetime)

    def current(self, request: Request) -> SignedIn | None:
        """Who is signed in, with nothing left to prove or to choose."""
        found = self.begun(request)
        is_complete = (
            found is not None
            and found.session.authenticated is not None
            and not found.account.provisional
            and not lacks_code(found.account, self._settings)
        )
        return found if is_complete else None

    def begun(self, request: Request) -> SignedIn | None:
        """Who has at least given the right password."""
        secret = request.cookies.get(self._name(_SESSION), "")
        if not secret:
            return None
        with self._database.autocommit() as connection:
            session = sessions.by_secret(connection, fingerprint(secret), self.idle)
            account = accounts.find(connection, session.account) if session else None
            if session is None or account is None or not is_admitted(account, self._settings):
                return None
            if clock.now() - session.seen > _REMEMBER:
                sessions.touch(connection, session.id)
        return SignedIn(session, account)

    def start(self, request: Request, response: Response, account: Account, *, complete: bool) -> Session:
        """Sign somebody in at this browser, under a new secret: what the cookie held before is worth nothing.

        `complete`: nothing is left to prove.
        """
        now, secret = clock.now(), clock.new_secret()
        session = Session(
            id=clock.new_id(),
            account=account.id,
            created=now,
            seen=now,
            ends=now + (self._life if complete else _HALF_WAY),
            authenticated=now if complete else None,
            device=request.headers.get("User-Agent", "")[:_LONGEST_DEVICE],
            address=request.remote_addr or "",
        )
        before = request.cookies.get(self._name(_SESSION), "")
        with self._database.begin() as connection:
            old = sessions.by_secret(connection, fingerprint(before), self.idle) if before else None
            if old is not None:
                sessions.end(connection, old.id)
            sessions.start(connection, session, fingerprint(secret))
        self._set(response, _SESSION, secret)
        return session

    def forget(self, response: Response) -> None:
        """Take the cookie away from a browser whose session has ended."""
        self._set(response, _SESSION, "", max_age=0)

    def browser(self, request: Request) -> str:
        """What tells this browser from others, as a hash; a new one has something from `keep_browser` on."""
        return fingerprint(self._browser(request))

    def keep_browser(self, request: Request, response: Response) -> Response:
        """Let the browser be known again."""
        if self._name(_BROWSER) not in request.cookies:
            self._set(response, _BROWSER, self._browser(request))
        return response

    def form_token(self, request: Request) -> str:
        """What a form of ours sends back, and nobody else's can: it hangs on both cookies."""
        cookies = (self._browser(request), request.cookies.get(self._name(_SESSION), ""))
        return hmac.new(key(self._settings, "form"), "\0".join(cookies).encode(), "sha256").hexdigest()

    def _browser(self, request: Request) -> str:
        given = request.cookies.get(self._name(_BROWSER))
        if given:
            return given
        if "browser" not in g:
            g.browser = clock.new_secret()
        return str(g.browser)

    def _name(self, name: str) -> str:
        # Such a cookie can be set by this very host alone, over TLS: RFC 6265bis, section 4.1.3.2.
        return f"__Host-{name}" if self._secure else name

    def _set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(
            self._name(name),
            value,
            max_age=max_age,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )


def is_admitted(account: Account, found: Settings) -> bool:
    """Whether an account may be used at all."""
    return account.suspended is None and (found.demonstration or not account.demonstration)


def lacks_code(account: Account, found: Settings) -> bool:
    """Whether an account must have codes from a phone before it may do anything, and has none."""
    wanted = found.second_factor and not account.demonstration and account.provider is None
    return wanted and account.totp is None


@cache
def key(found: Settings, purpose: str) -> bytes:
    """A key of this installation for one purpose."""
    return Hasher(index_key(found)).derived(purpose)
