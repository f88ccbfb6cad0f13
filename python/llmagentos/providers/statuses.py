"""What a service's HTTP status means."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

from llmagentos.errors import ProviderError

_MEANINGS = {
    401: "refused the key",
    403: "does not allow it",
    404: "has no such model or no such call",
    408: "waited too long for the request",
    413: "finds the request too large",
    429: "has had too many requests",
}
_RETRYABLE = frozenset({408, 409, 429})
MAX_DETAIL = 1000  # characters of a service's own words


def status_error(
    title: str, status: int, detail: str, retry_after: float | None = None, is_final: bool = False
) -> ProviderError:
    """The error for a status of 400 and more.

    Args:
        detail: the service's own words, without the key.
        is_final: whether waiting does not help, whatever the status.
    """
    retryable = (status in _RETRYABLE or status >= 500) and not is_final
    meaning = _MEANINGS.get(status, "failed" if status >= 500 else "refused the request")
    wait = "" if retry_after is None else f"; it asks to wait {retry_after:g} s"
    words = " ".join(detail.split())
    words = words if len(words) <= MAX_DETAIL else f"{words[: MAX_DETAIL - 3]}..."
    return ProviderError(f"{title} {meaning} ({status}): {words}{wait}", retryable, status, retry_after)


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3) asks to wait, as a number or a date; None without one."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        date = parsedate_tz(value)
        if date is None:
            return None
        seconds = mktime_tz(date) - time.time()
    return max(0.0, seconds) if math.isfinite(seconds) else None
