"""Stands in for `python -m pip`: serves wheels from the folder in its first argument, and misbehaves as told there.

The folder holds wheels, `log` (one line per download asked for) and optionally `behaviour`: "<how> <package or *>".
"""

import os
import sys
import time
from pathlib import Path

PROXY = "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden'))"
CONNECTION = "HTTPSConnection(host='index', port=443)"
REFUSED = f'NewConnectionError("{CONNECTION}: Failed to establish a new connection: [Errno 111] Connection refused")'
OBJECT = "<pip._vendor.urllib3.connection.HTTPConnection object at 0x7fe5bac38c90>"
OLD = f"NewConnectionError('{OBJECT}: Failed to establish a new connection: [Errno 111] Connection refused')"
TIMEOUT = (
    "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='index', port=443): Read timed out."
)
TLS = "HTTPSConnectionPool(host='index', port=443): Max retries exceeded with url: /x/ (Caused by SSLError('bad'))"
FAILURES = {
    "refuse-old": f"WARNING: Retrying (Retry(total=0)) after connection broken by '{OLD}': /simple/x/\nERROR: none\n",
    "timeout": f"ERROR: Exception:\nTraceback (most recent call last):\n  File x, line 1, in <module>\n{TIMEOUT}\n",
    "tls": f"Could not fetch URL https://i/x/: There was a problem confirming the ssl certificate: {TLS} - skipping",
    "bug": "ERROR: Exception:\nTraceback (most recent call last):\n  File x, line 1, in <module>\nKeyError: 'x'\n",
    "refuse": f"WARNING: Retrying (Retry(total=0)) after connection broken by '{REFUSED}': /simple/x/\nERROR: none\n",
    "proxy": f"WARNING: Retrying (Retry(total=0)) after connection broken by '{PROXY}': /simple/x/\nERROR: none\n",
    "unknown": "ERROR: Could not find a version that satisfies the requirement\nERROR: No matching distribution\n",
    "no-pip": "/usr/bin/python3: No module named pip\n",
    "full-disk": "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
    "silent": "",
}


def main() -> int:
    shop = Path(sys.argv[1])
    requirement = sys.argv[-1]
    package, version = requirement.split("==")
    dest = next(a.removeprefix("--dest=") for a in sys.argv if a.startswith("--dest="))
    for option in ("download", "--only-binary=:all:", "--no-deps"):
        assert option in sys.argv, f"pip must be called with {option}"
    with (shop / "log").open("a") as log:
        log.write(requirement + "\n")
    how, _, which = (shop / "behaviour").read_text().partition(" ") if (shop / "behaviour").exists() else ("", "", "")
    wheel = shop / f"{package.replace('-', '_')}-{version}-py3-none-any.whl"
    if which in ("*", package):
        if how in FAILURES:
            sys.stderr.write(FAILURES[how])
            return 1
        if how == "slow":  # long enough for another process to find the lock taken
            time.sleep(1.0)
        if how == "hang":  # half a wheel in the temporary folder, as pip has it when it is interrupted
            data = wheel.read_bytes()
            (Path(os.environ["TMPDIR"]) / "half.whl").write_bytes(data[: len(data) // 2])
            (shop / "hanging").write_text(str(os.getpid()))
            time.sleep(120)
    (Path(dest) / wheel.name).write_bytes(wheel.read_bytes())
    return 0


sys.exit(main())
