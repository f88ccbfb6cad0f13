"""The `llmagentos` command, also as `python -m llmagentos`: a guard around the imports of the command line.

It imports next to nothing itself, so that Ctrl-C finds the guard in place from the start.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Load the command line and run it. Ctrl-C while it loads ends with 130, as it does later on."""
    try:
        _load_and_run()
    except KeyboardInterrupt:
        sys.exit(130)


def _load_and_run() -> None:
    import signal

    # A handler in place of KeyboardInterrupt, which half of an import may turn into another error. One that the
    # caller has set, or has told to ignore, stays.
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, _leave)
    from llmagentos.cli import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _leave(*_: object) -> None:
    os._exit(130)  # nothing has been written or begun yet


if __name__ == "__main__":
    main()
