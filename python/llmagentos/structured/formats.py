"""What strings of a format are, where llguidance's own idea of it is too wide or too narrow.

The texts that Python's `datetime` and `ipaddress` read: no 29 February in other years, no year 0, no leap seconds, and
IPv6 addresses that end like an IPv4 one.
"""

from __future__ import annotations

from collections.abc import Mapping

MAX_HOSTNAME = 253  # characters (RFC 1123)

_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DATE = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_HOUR_AND_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"{_HOUR_AND_MINUTE}:[0-5][0-9](?:\.[0-9]{{1,9}})?(?:[zZ]|[+-]{_HOUR_AND_MINUTE})"


def _ipv6() -> str:
    """RFC 3986's grammar of IPv6 addresses."""
    byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    group = "[0-9a-fA-F]{1,4}"
    last = rf"(?:{group}:{group}|{byte}(?:\.{byte}){{3}})"
    forms = [f"(?:{group}:){{6}}{last}"]
    for n_after in range(5, -1, -1):  # groups between :: and the last two
        n_before = 4 - n_after  # at most so many, and one more
        before = f"(?:(?:{group}:){{0,{n_before}}}{group})?" if n_before >= 0 else ""
        forms.append(f"{before}::(?:{group}:){{{n_after}}}{last}")
    forms += [f"(?:(?:{group}:){{0,5}}{group})?::{group}", f"(?:(?:{group}:){{0,6}}{group})?::"]
    return "|".join(forms)


PATTERNS: Mapping[str, str] = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}[tT]{_TIME}$",
    "ipv6": f"^(?:{_ipv6()})$",
}
