"""An index of applications on the network: a JSON file that names archives and their hashes.

```json
{"applications": [{"name": "bread", "version": "1.0", "description": "...", "licence": "MIT", "tools": ["retrieval"],
                   "archive": "bread-1.0.zip", "n_bytes": 12345, "sha256": "..."}]}
```

`archive` is a URL, or relative to the index's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit

from llmagentos.errors import ApplicationError, InvalidRequestError, LLMAgentOSError, shown
from llmagentos.market import cache
from llmagentos.market.applications.files import MAX_BYTES
from llmagentos.market.applications.manifest import Manifest, manifest_of
from llmagentos.market.toml_table import Table

MAX_INDEX = 16 << 20  # bytes
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIMEOUT = 30.0  # seconds that a server may be silent


@dataclass(frozen=True, slots=True)
class Offer:
    """An application that an index offers.

    Attributes:
        url, n_bytes, sha256: of its archive.
    """

    manifest: Manifest
    url: str
    n_bytes: int
    sha256: str


def read_index(url: str, on_broken: Callable[[LLMAgentOSError], object] = lambda _: None) -> list[Offer]:
    """What an index offers.

    Args:
        on_broken: told of each entry that is malformed, and why; the others are offered all the same.

    Raises:
        ApplicationError: it cannot be fetched, or is no index.
    """
    try:
        values = json.loads(fetch(url, MAX_INDEX))
        entries = values["applications"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise ApplicationError(
            f"{url} is no index of applications: it must be JSON with a list 'applications'"
        ) from None
    if not isinstance(entries, list):
        raise ApplicationError(f"{url}: 'applications' must be a list")
    offers: list[Offer] = []
    for number, entry in enumerate(entries, 1):
        try:
            offers.append(_offer(f"{url}, entry {number}", url, entry))
        except LLMAgentOSError as error:
            on_broken(error)
    return offers


def _offer(where: str, url: str, entry: Any) -> Offer:
    if not isinstance(entry, dict):
        raise InvalidRequestError(f"{where}: it must be an object, not {shown(entry)}")
    own = ("archive", "n_bytes", "sha256")
    table = Table(where, {name: entry[name] for name in own if name in entry})
    archive, n_bytes, sha256 = table.text("archive"), table.count("n_bytes"), table.text("sha256", _SHA256)
    manifest = manifest_of(where, {name: value for name, value in entry.items() if name not in own})
    try:
        return Offer(manifest, urljoin(url, archive), n_bytes, sha256)
    except ValueError as error:
        raise InvalidRequestError(f"{where}: the archive {shown(archive)} is no URL: {error}") from None


def download(offer: Offer) -> bytes:
    """The offer's archive.

    Raises:
        ApplicationError: it cannot be fetched, or has another size or hash than the index says.
    """
    content = fetch(offer.url, min(offer.n_bytes, MAX_BYTES))
    if len(content) != offer.n_bytes:
        raise ApplicationError(f"{offer.url} has {len(content):,} bytes, the index says {offer.n_bytes:,}")
    check_hash(offer.url, content, offer.sha256)
    return content


def check_hash(where: str, content: bytes, sha256: str) -> None:
    """Checks an archive against the hash that it should have.

    Raises:
        ApplicationError: it has another one.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ApplicationError(f"{where} has sha256 {found}, and should have {sha256}; nothing of it was kept")


def fetch(url: str, max_bytes: int) -> bytes:
    """What is at a URL of the web.

    Raises:
        ApplicationError: it is no such URL, fetching is forbidden or fails, or it has more than `max_bytes`.
    """
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise ApplicationError(f"{shown(url)} is no URL: {error}") from None
    if scheme not in ("http", "https"):
        raise ApplicationError(f"{shown(url)} is not a URL that begins with http:// or https://")
    if cache.is_offline():
        raise ApplicationError(f"LLMAGENTOS_OFFLINE forbids fetching {url}: unset it")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 (the scheme was checked)
            content: bytes = answer.read(max_bytes + 1)
    except UnicodeError:
        raise ApplicationError(
            f"{shown(url)} could not be fetched: what is not ASCII must be percent-encoded"
        ) from None
    except (OSError, ValueError, HTTPException) as error:  # among them what is wrong with the URL
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise ApplicationError(f"{shown(url)} could not be fetched: {reason}") from None
    if len(content) > max_bytes:
        raise ApplicationError(f"{url} has more than {max_bytes:,} bytes, which is the limit")
    return content
