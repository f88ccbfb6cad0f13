"""What do drafts from the text itself gain where an answer copies its prompt, and what do they cost where it does not?

usage: python benchmarks/speculation.py [MODEL] [--rounds N] [--threads N] [--tokens N]

Two engines of the same model, one that speculates and one that does not, answer the same requests in turn. Their
answers are compared to the bit; the ratio is that of a round's two times, so that a machine that slows down for a while
does not favour either.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from typing import Any

import harness

from llmagentos import LLM, Completion, SamplingParams

TEXT = (
    "The harbour of Lindby lies on the north shore of the bay. Every morning before sunrise the fishing boats "
    "leave in a long line, and the gulls follow them out to the open water. By noon most of the boats have come "
    "back, and the catch is sold on the quay to cooks and families from the town. In the afternoon the nets are "
    "spread on the stones to dry, and the children of the fishermen look for shells between them. An old "
    "lighthouse stands at the end of the pier; its lamp was lit with oil until the year 1931, when the town was "
    "connected to the electric grid. Today it is a museum with four rooms, and from the gallery one can see as "
    "far as the islands on a clear day."
)
COPY = f'Rewrite the following text. Replace "Lindby" with "Norvik" and change nothing else.\n\n{TEXT}'
FREE = [
    "Write a story about a dog that goes to sea.",
    "Explain to a child why the sky is blue.",
    "What should one know before buying a bicycle?",
    "Describe a market on a rainy morning.",
    "Write a letter to a friend who moved to another country.",
    "How did people tell the time before there were clocks?",
    "Invent a board game for four players and give its rules.",
    "Compare living in a city with living in a village.",
]


@dataclass(frozen=True)
class Task:
    """Conversations that are answered together, and how."""

    name: str
    questions: list[str]
    temperature: float


def tasks() -> list[Task]:
    return [
        Task("copy with one change, greedy", [COPY], 0.0),
        Task("copy with one change, sampled", [COPY], 0.7),
        Task("free text, greedy", FREE, 0.0),
        Task("free text, sampled", FREE, 0.9),
        Task("copies, 4 streams", [COPY] * 4, 0.7),
        Task("copies, 8 streams", [COPY] * 8, 0.7),
        Task("free text, 4 streams", FREE[:4], 0.9),
        Task("free text, 8 streams", FREE, 0.9),
    ]


def answers(llm: LLM, task: Task, n_tokens: int, number: int) -> tuple[list[Completion], float]:
    """The answers, and the seconds after their first tokens: prompts are computed alike with drafts and without."""
    conversations: list[Any] = [[{"role": "user", "content": question}] for question in task.questions]
    first = SamplingParams(temperature=0, max_tokens=1)
    params = SamplingParams(temperature=task.temperature, max_tokens=n_tokens, seed=number)
    if "streams" in task.name:
        llm.chat(conversations, first)
        began = time.perf_counter()
        return llm.chat(conversations, params), time.perf_counter() - began
    completions, seconds = [], 0.0
    for conversation in conversations:
        llm.chat(conversation, first)
        began = time.perf_counter()
        completions.append(llm.chat(conversation, params))
        seconds += time.perf_counter() - began
    return completions, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="smollm2-135m-instruct")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=192)
    arguments = parser.parse_args()
    results = []
    with (
        LLM(arguments.model, threads=arguments.threads, speculation="off") as plain,
        LLM(arguments.model, threads=arguments.threads) as speculating,
    ):
        for task in tasks():
            rates: list[tuple[float, float]] = []
            before = speculating.stats()
            for number in range(arguments.rounds + 1):  # the first of them warms up
                order = (plain, speculating) if number % 2 else (speculating, plain)
                found = {llm: answers(llm, task, arguments.tokens, number) for llm in order}
                (expected, slow), (got, fast) = found[plain], found[speculating]
                if [one.token_ids for one in got] != [one.token_ids for one in expected]:
                    raise SystemExit(f"{task.name}: drafts changed the answer in round {number}")
                n_tokens = sum(len(one.token_ids) for one in got)
                rates.append((n_tokens / slow, n_tokens / fast))
            ratios = [fast / slow for slow, fast in rates[1:]]
            after = speculating.stats()
            drafted, accepted = (
                getattr(after, name) - getattr(before, name) for name in ("drafted_tokens", "accepted_tokens")
            )
            median = statistics.median(ratios)
            print(
                f"{task.name:32s}{statistics.median(slow for slow, _ in rates[1:]):7.0f} -> "
                f"{statistics.median(fast for _, fast in rates[1:]):5.0f} tokens/s, {median:.2f}x "
                f"({min(ratios):.2f}..{max(ratios):.2f}), {accepted} of {drafted} drafts right",
                flush=True,
            )
            results.append({"task": task.name, "median": median, "ratios": ratios, "rates": rates[1:]})
    details = {"model": arguments.model, "threads": arguments.threads, "tasks": results}
    print(f"appended to {harness.record('speculation', details)}")


if __name__ == "__main__":
    main()
