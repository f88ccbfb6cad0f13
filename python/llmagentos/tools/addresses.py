"""Which network addresses belong to the public internet, and connections to those only."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TypeAlias

from llmagentos.errors import ToolError, shown

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

_GLOBAL_UNICAST = ipaddress.IPv6Network(
    "2000::/3"
)  # all that is routed (RFC 4291); mapped and local ones are not in it
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 addresses as networks without IPv4 see them (RFC 6052)


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet: not of this machine, its network, or a reserved range.

    IPv6 addresses that stand for IPv4 ones are judged by these; those of tunnels (6to4, Teredo) are not public.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GLOBAL_UNICAST or address.sixtofour is not None or address.teredo is not None:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def connect(host: str, port: int, deadline: float, *, allow_private: bool) -> socket.socket:
    """A TCP connection to a host, to an address that was looked up once and checked.

    Args:
        deadline: of time.monotonic().

    Raises:
        ToolError: the name has no address, one of its addresses is not public, or none answers in time.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ToolError(f"no address was found for the host {shown(host)}: {error}") from None
    addresses = [(family, address) for family, _, _, _, address in found]
    if not allow_private:
        for _, address in addresses:
            if not is_public(ipaddress.ip_address(address[0])):
                # Not the address itself: a model need not learn how the network inside is laid out.
                raise ToolError(f"the host {shown(host)} is not on the public internet, and may not be asked")
    reason = "it has no address"
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.connect(address)
        except OSError as error:
            connection.close()
            reason = "it took too long" if isinstance(error, TimeoutError) else error.strerror or str(error)
        else:
            return connection
    raise ToolError(f"no connection to {shown(host)}, port {port}: {reason}")
