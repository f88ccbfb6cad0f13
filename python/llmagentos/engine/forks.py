"""Processes forked after a model was loaded: they have its memory, and none of its threads."""

from __future__ import annotations

import os

from llmagentos.errors import LLMAgentOSError


class Origin:
    """The process that something was made in."""

    def __init__(self) -> None:
        self._process = os.getpid()

    @property
    def is_forked(self) -> bool:
        """Whether this is another process: what is here is the other's, and so may be whatever lock is held."""
        return self._process != os.getpid()

    def check(self) -> None:
        """Check that this is that process.

        Raises:
            LLMAgentOSError: it was forked off.
        """
        if self.is_forked:
            raise LLMAgentOSError(
                "this process was forked after the model was loaded and has none of its threads: load it in the "
                "process that uses it"
            )
