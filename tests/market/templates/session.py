"""Talks with an application, a line of standard input each, in a process of its own: session.py FOLDER [MODEL].

Applications are programs whose modules import each other by name alone, so two of them do not fit into one process.
"""

from __future__ import annotations

import json
import sys


def main(folder: str, model: str | None = None) -> None:
    """Prints what the application's `conversation` answers, each answer as JSON on a line."""
    sys.path.insert(0, folder)
    from main import conversation

    from llmagentos import LLM

    agent = conversation(None if model is None else LLM(model, context_length=2048))
    for line in sys.stdin:
        print(json.dumps(agent.act(agent.decide({"text": line.rstrip("\n")}))["text"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
