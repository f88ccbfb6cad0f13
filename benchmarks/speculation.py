"""What do drafts from the text itself gain where an answer copies its prompt, and what do they cost where it does not?

usage: python benchmarks/speculation.py [MODEL] [--rounds N] [--threads N] [--tokens N] [--tasks TASK ...]

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
    """Questions, each batch of which is answered together."""

    name: str
    batches: list[list[str]]
    temperature: float


TASKS = [
    Task("copy with one change, greedy", [[COPY]], 0.0),
    Task("copy with one change, sampled", [[COPY]], 0.7),
    Task("free text, greedy", [[question] for question in FREE], 0.0),
    Task("free text, sampled", [[question] for question in FREE], 0.9),
    Task("copies, 4 streams", [[COPY] * 4], 0.7),
    Task("copies, 8 streams", [[COPY] * 8], 0.7),
    Task("free text, 4 streams", [FREE[:4], FREE[4:]], 0.9),
    Task("free text, 8 streams", [FREE], 0.9),
]


def answers(llm: LLM, batch: list[str], params: SamplingParams) -> tuple[list[Completion], float]:
    """The answers, and the seconds that they took with their prompts in the cache."""
    conversations: list[Any] = [[{"role": "user", "content": question}] for question in batch]
    llm.chat(conversations, SamplingParams(temperature=0, max_tokens=1))
    began = time.perf_counter()
    return llm.chat(conversations, params), time.perf_counter() - began


def compare(plain: LLM, speculating: LLM, task: Task, number: int, n_tokens: int) -> tuple[float, float]:
    """Tokens per second of each in a round; it is the other's turn first after each batch.

    Raises:
        SystemExit: answers differ.
    """
    params = SamplingParams(temperature=task.temperature, max_tokens=n_tokens, seed=number)
    seconds, n_got = {plain: 0.0, speculating: 0.0}, 0
    for index, batch in enumerate(task.batches):
        order = (plain, speculating) if (number + index) % 2 else (speculating, plain)
        found = {}
        for llm in order:
            completions, took = answers(llm, batch, params)
            found[llm] = [completion.token_ids for completion in completions]
            seconds[llm] += took
        if found[plain] != found[speculating]:
            raise SystemExit(f"{task.name}: drafts changed an answer in round {number}")
        n_got += sum(map(len, found[plain]))
    return n_got / seconds[plain], n_got / seconds[speculating]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="smollm2-135m-instruct")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=192)
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="only those whose names begin with one of these")
    arguments = parser.parse_args()
    results = []
    with (
        LLM(arguments.model, threads=arguments.threads, speculation="off") as plain,
        LLM(arguments.model, threads=arguments.threads) as speculating,
    ):
        for task in TASKS:
            if arguments.tasks and not task.name.startswith(tuple(arguments.tasks)):
                continue
            compare(plain, speculating, task, 0, arguments.tokens)  # warms up
            before = speculating.stats()
            rates = [compare(plain, speculating, task, n + 1, arguments.tokens) for n in range(arguments.rounds)]
            after = speculating.stats()
            drafted, accepted = (
                after.drafted_tokens - before.drafted_tokens,
                after.accepted_tokens - before.accepted_tokens,
            )
            ratios = [fast / slow for slow, fast in rates]
            slow, fast = (statistics.median(rate[side] for rate in rates) for side in (0, 1))
            print(
                f"{task.name:32s}{slow:7.0f} -> {fast:5.0f} tokens/s, {statistics.median(ratios):.2f}x "
                f"({min(ratios):.2f}..{max(ratios):.2f}), {accepted} of {drafted} drafts right",
                flush=True,
            )
            results.append({"task": task.name, "ratios": ratios, "rates": rates, "drafts": [drafted, accepted]})
    details = {"model": arguments.model, "threads": arguments.threads, "tasks": results}
    print(f"appended to {harness.record('speculation', details)}")


if __name__ == "__main__":
    main()
