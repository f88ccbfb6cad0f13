"""Fetching over HTTP from hosts that are allowed, within limits on size and time.

Each host, also after a redirect, is looked up once, its addresses are checked, and the connection goes to what was
checked: a name that means something else a moment later gains nothing. Proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from llmagentos import __version__
from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.tools import addresses

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
_ALLOWED = re.compile(r"(\*|(?:\*\.)?[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_SAFE = "/?%:@!$&'()*+,;=~-._"  # what stays as it is in a path and a query (RFC 3986)
# Compressed content is not asked for, so that its size is what is counted.
_HEADERS = {"User-Agent": f"llmagentos/{__version__}", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered.

    Attributes:
        url: where the answer is from, after redirects.
        status: of HTTP, such as 200.
        content_type: in lower case, without parameters; "" where the server says none.
        charset: that the server says, or None.
    """

    url: str
    status: int
    content_type: str
    charset: str | None
    body: bytes

    def text(self) -> str:
        """The body as text, by the charset that the server says, else UTF-8; what is not, is replaced."""
        try:
            return self.body.decode(self.charset or "utf-8", errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL, checked: what to connect to, and what to ask for there."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Fetcher:
    """Fetches from allowed hosts.

    Args:
        allow: hosts: "example.org", "*.example.org" for those below it, "example.org:8080" for a port that is not the
            usual one; "*" is every public host.
        max_bytes: of a body; a longer one is an error.
        timeout: seconds that a fetch with its redirects may take, but for looking up names, which takes what the
            system's resolver takes.
        allow_private: whether hosts may be on this machine, its network or in a reserved range.

    Raises:
        InvalidRequestError: an argument outside its domain.
    """

    def __init__(
        self,
        allow: Sequence[str],
        *,
        max_bytes: int = 2 << 20,
        timeout: float = 20.0,
        allow_private: bool = False,
    ) -> None:
        if isinstance(allow, str):
            raise InvalidRequestError(f"allow={shown(allow)} is not valid: it must be a list of hosts")
        if max_bytes < 1 or timeout <= 0:
            raise InvalidRequestError(f"max_bytes={max_bytes} and timeout={timeout} must be positive")
        self._allow = tuple(_allowed(host) for host in allow)
        self._max_bytes, self._timeout, self._allow_private = max_bytes, timeout, allow_private

    def fetch(self, url: str) -> Response:
        """What is at the URL.

        Raises:
            ToolError: the URL is not well formed or its host not allowed, there are too many redirects, the answer is
                too large, too late, incomplete or compressed, or the connection fails.
        """
        deadline = time.monotonic() + self._timeout
        for _ in range(MAX_REDIRECTS + 1):
            target = _target(url)
            if not any(_matches(target, host, port) for host, port in self._allow):
                raise ToolError(f"the host {shown(target.authority)} is not among those that may be asked")
            answer, location = self._ask(target, deadline)
            if answer is not None:
                return answer
            url = urljoin(target.url, location)
        raise ToolError(f"{shown(url)} is the end of more than {MAX_REDIRECTS} redirects")

    def _ask(self, target: _Target, deadline: float) -> tuple[Response | None, str]:
        """The answer, or where it redirects to."""
        try:
            with _connection(target, deadline, self._allow_private) as connection:
                connection.request("GET", target.path, headers={**_HEADERS, "Host": target.authority})
                answer = connection.getresponse()
                location = answer.headers.get("Location")
                if answer.status in _REDIRECTS and location is not None:
                    return None, location
                response = self._response(target.url, answer)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = self._late if time.monotonic() >= deadline else str(error) or type(error).__name__
            raise ToolError(f"{shown(target.url)} could not be fetched: {reason}") from None
        if time.monotonic() >= deadline:  # a body that ends with its connection is cut off without an error
            raise ToolError(f"{shown(target.url)} could not be fetched: {self._late}")
        return response, ""

    @property
    def _late(self) -> str:
        return f"it takes more than {self._timeout:g} seconds"

    def _response(self, url: str, answer: http.client.HTTPResponse) -> Response:
        headers = answer.headers
        encoding = headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", ""):
            raise ToolError(f"{shown(url)} is sent compressed ({shown(encoding)}), which was not asked for")
        body = answer.read(self._max_bytes + 1)
        if len(body) > self._max_bytes:
            raise ToolError(f"{shown(url)} has more than {self._max_bytes:,} bytes, which is the limit")
        if answer.length:
            raise ToolError(f"{shown(url)} could not be fetched: its last {answer.length:,} bytes are missing")
        content_type = headers.get_content_type() if headers.get("Content-Type") else ""
        return Response(url, answer.status, content_type, headers.get_content_charset(), body)


def _allowed(text: object) -> tuple[str, int | None]:
    """A host as `allow` writes it, and its port, None for the usual ones."""
    match = _ALLOWED.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidRequestError(
            f"{shown(text)} is no host to allow; write it as 'example.org', '*.example.org', '[::1]:8080' or '*'"
        )
    return match[1].lower().strip("[]"), int(match[2]) if match[2] else None


def _matches(target: _Target, host: str, port: int | None) -> bool:
    if target.port != (_PORTS[target.scheme] if port is None else port):
        return False
    name = target.host.rstrip(".")
    return host in ("*", name) or (host.startswith("*.") and name.endswith(host[1:]))


def _target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        # The form that is looked up is the one to compare: other characters may stand for letters, digits and dots.
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise ToolError(f"{shown(url)} is not a URL: {error}") from None
    if parts.scheme not in _PORTS or not host:
        raise ToolError(f"{shown(url)} cannot be fetched: write the whole URL, such as https://example.org/page")
    if parts.username is not None or parts.password is not None:
        raise ToolError(f"{shown(url)} has a user name in it, which is not allowed")
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return _Target(url, parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path)


@contextmanager
def _connection(target: _Target, deadline: float, allow_private: bool) -> Iterator[http.client.HTTPConnection]:
    """A connection that is shut at the deadline, whatever it is about: a server may send a byte now and then."""
    sock = addresses.connect(target.host, target.port, deadline, allow_private=allow_private)
    try:
        if target.scheme == "https":
            context = ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
        watchdog = threading.Timer(max(deadline - time.monotonic(), 0.001), _shut, [sock])
        watchdog.daemon = True
        watchdog.start()
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = sock  # it makes none of its own then, which would look the name up again
            connection.auto_open = 0
            yield connection
        finally:
            watchdog.cancel()
    finally:
        sock.close()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # closed already
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # of TLS too: its own would wait for the other side
