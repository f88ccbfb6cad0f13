"""Who may use the server: named keys, of which only hashes are kept, and how much each may ask for."""

from __future__ import annotations

import hashlib
import hmac
import math
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmagentos.errors import InvalidRequestError
from llmagentos.openai_protocol.refusal import refusal_of
from llmagentos.server.errors import ApiError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class KeyConfig(BaseModel):
    """One key: the SHA-256 of its text in hexadecimal (a key is 256 random bits, so nothing slower is called for), and
    what it may ask for; None sets no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)


class KeysFile(BaseModel):
    """A file of keys: tables `[keys.NAME]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: dict[str, KeyConfig] = Field(min_length=1)


class Allowance:
    """So much a minute, which is given back bit by bit.

    Tokens are counted when they are there, so a request may take more than is left: the next then waits for longer.
    For any number of threads.

    Args:
        per_minute: what may be taken in a minute, and at most at once.
        clock: seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left = float(per_minute)
        self._at = clock()
        self._lock = threading.Lock()

    def seconds_until(self, n: int) -> float:
        """How long until `n` may be taken; 0 where they may be now."""
        return max(0.0, (n - self._after_taking(0)) * 60 / self._per_minute)

    def take(self, n: int) -> None:
        """Take `n`, be they there or not."""
        self._after_taking(n)

    def _after_taking(self, n: int) -> float:
        """What is left."""
        with self._lock:
            now = self._clock()
            self._left = min(self._per_minute, self._left + (now - self._at) * self._per_minute / 60) - n
            self._at = now
            return self._left


class Client:
    """Who sent a request.

    Attributes:
        name: of the key; "" where no keys are asked for.
    """

    def __init__(self, name: str = "", config: KeyConfig | None = None) -> None:
        self.name = name
        requests = None if config is None else config.requests_per_minute
        tokens = None if config is None else config.tokens_per_minute
        self._requests = None if requests is None else Allowance(requests)
        self._tokens = None if tokens is None else Allowance(tokens)

    def begin(self) -> None:
        """Count a request.

        Raises:
            ApiError: 429, it is one too many, or too many tokens were used; says when to come back.
        """
        for allowance, what in ((self._requests, "requests"), (self._tokens, "tokens")):
            seconds = 0.0 if allowance is None else allowance.seconds_until(1)
            if seconds > 0:
                raise ApiError(
                    429,
                    f"the limit of {what} per minute of key {self.name!r} is reached",
                    code="rate_limit_exceeded",
                    headers={"Retry-After": str(math.ceil(seconds))},
                )
        if self._requests is not None:
            self._requests.take(1)

    def charge(self, n_tokens: int) -> None:
        """Count tokens that a request has used."""
        if self._tokens is not None:
            self._tokens.take(n_tokens)


class Keys:
    """The keys of a server.

    Args:
        configs: by the keys' names.
    """

    def __init__(self, configs: dict[str, KeyConfig]) -> None:
        self._clients = [(bytes.fromhex(config.sha256), Client(name, config)) for name, config in configs.items()]

    def client(self, authorization: str | None) -> Client:
        """Whose key a request's Authorization header has.

        Raises:
            ApiError: 401, nobody's.
        """
        scheme, _, key = (authorization or "").partition(" ")
        digest = hashlib.sha256(key.strip().encode("utf-8", "surrogatepass")).digest()
        found = None
        for known, client in self._clients:  # all of them, so that time does not tell which
            if hmac.compare_digest(known, digest):
                found = client
        if found is None or scheme.lower() != "bearer":
            what = "is missing: send it as Authorization: Bearer KEY" if not authorization else "is not valid"
            raise ApiError(401, f"the API key {what}", code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
        return found


def read_keys(file: Path) -> Keys:
    """The keys of a file.

    Raises:
        InvalidRequestError: it cannot be read, or is not as it should be; names what is wrong.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        settings = KeysFile.model_validate(content)
    except OSError as error:
        raise InvalidRequestError(f"cannot read the keys in {file}: {error.strerror}") from None
    except ValidationError as error:
        raise InvalidRequestError(f"{file}: {refusal_of(error.errors(), content, 'setting').message}") from None
    except ValueError as error:
        raise InvalidRequestError(f"the keys in {file} are no TOML: {error}") from None
    return Keys(settings.keys)
