"""A run of an agent on a scripted model, to be killed anywhere: python killed_run.py DATABASE EFFECTS.

Each tool that does something writes a line to EFFECTS: its name, its call's number, and its idempotency key. The script
goes by what is in the conversation, so that a run that is resumed goes on with it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from llmagentos.agents.agent import Agent
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.agents.sqlite_session import SQLiteSession
from llmagentos.tools.tool import tool

N_STEPS = 40
NAMES = ("append_once", "append_keyed", "append_repeatable")


def main(database: str, effects: str) -> None:
    def write(*parts: object) -> None:
        with open(effects, "a") as file:
            file.write(" ".join(map(str, parts)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    @tool
    def append_once(number: int) -> str:
        """Append, which twice would be wrong."""
        write("append_once", number, "-")
        return f"once {number}"

    @tool
    def append_keyed(number: int, idempotency_key: str) -> str:
        """Append, once for each key."""
        write("append_keyed", number, idempotency_key)
        return f"keyed {number}"

    @tool(idempotent=True)
    def append_repeatable(number: int) -> str:
        """Append, as often as you like."""
        write("append_repeatable", number, "-")
        return f"repeatable {number}"

    def step(messages: Sequence[Mapping[str, Any]]) -> Any:
        number = sum(message["role"] == "assistant" for message in messages)
        if number == N_STEPS:
            return "all done"
        return [ScriptedCall(name, {"number": number}, id=f"{name}{number}") for name in NAMES]

    session = SQLiteSession(database, "long")
    model = ScriptedModel([step] * (N_STEPS + 1))
    agent = Agent(model, tools=[append_once, append_keyed, append_repeatable], max_steps=N_STEPS + 1)
    print("ready", flush=True)
    if session.is_in_turn:
        agent.resume(session)
    elif not session.records:
        agent.ask("Go.", session)
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
