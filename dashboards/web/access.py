"""Who may look, and what a browser may do with a page: checked before any page is made."""

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "adaptersweep"
SESSION = "/session"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What is sent with every answer."""

_OPEN_TO_ALL = ("/static/", SESSION)

Refuse = Callable[[Scope, int], ASGIApp]


@dataclass(frozen=True)
class Access:
    """What a request must show.

    Attributes:
        token: as a bearer, or once for the cookie; None where everybody on this machine may look.
        hosts: by which names the pages are reached, None for any. A page of somebody else whose
            name leads to this machine could otherwise read them through its visitor's browser.
        session: the cookie's value, made anew whenever the server starts.
    """

    token: str | None = None
    hosts: Sequence[str] | None = None
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def knows(self, headers: Headers) -> bool:
        """Tell whether a request shows the token, or the cookie that it was exchanged for."""
        if self.token is None:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(given.strip(), self.token):
            return True
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return cookie is not None and _same(cookie.value, self.session)

    def answers_to(self, headers: Headers) -> bool:
        """Tell whether a request names this server as it may be named."""
        name = headers.get("host", "").lower()
        host = name.rpartition(":")[0] if not name.endswith("]") and ":" in name else name
        return self.hosts is None or host.strip("[]") in self.hosts


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


class Gate:
    """Lets through what may be answered, and puts `HEADERS` on every answer."""

    def __init__(self, app: ASGIApp, access: Access, refuse: Refuse) -> None:
        self._app, self._access, self._refuse = app, access, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close"})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        status = self._status(scope)
        app = self._app if status is None else self._refuse(scope, status)
        await app(scope, receive, send_with_headers)

    def _status(self, scope: Scope) -> int | None:
        """Return why a request is refused, None where it is not."""
        headers = Headers(scope=scope)
        if not self._access.answers_to(headers):
            return 421
        if scope["method"] not in ("GET", "HEAD"):
            return 405
        if scope["path"].startswith(_OPEN_TO_ALL) or self._access.knows(headers):
            return None
        return 401
