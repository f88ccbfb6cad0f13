"""What do answers in a given form cost? The time of a step that decodes eight of them, to that of eight free ones.

usage: python benchmarks/structured.py [MODEL] [--rounds N] [--threads N] [--batch N]

Free answers and those of each form alternate. A step's time is that from all first tokens to the end, by the tokens
between; masks alone are timed along the texts that were written, in one thread.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import harness

from llmagentos import LLM, SamplingParams
from llmagentos.engine.constraints import ConstraintTokenizer
from llmagentos.engine.statistics import Event
from llmagentos.formats.tokenizer import Tokenizer
from llmagentos.structured.response_format import response_format_of

N_TOKENS = 96
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "notes": {"type": "array", "items": {"type": "string"}, "minItems": 2},
    },
    "required": ["name", "age", "notes"],
    "additionalProperties": False,
}
PEOPLE = {"type": "array", "items": PERSON, "minItems": 50}
FORMS: dict[str, Any] = {
    "schema": {"type": "json_schema", "json_schema": {"schema": PEOPLE}},
    "regex [a-z ,.]{300,900}": {"type": "regex", "regex": "[a-z ,.]{300,900}"},
    "regex ([A-Z][a-z]+ )+": {"type": "regex", "regex": "([A-Z][a-z]{1,20} ){100,900}"},
    "regex of lines": {"type": "regex", "regex": "(- [^\\n]{10,200}\\n){20,90}"},
}


class Stopwatch:
    """Takes the events of one run after the other."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self._events.append(event)

    def milliseconds(self) -> float:
        """Of a step, once all had their first tokens; forgets the run."""
        events, self._events = self._events, []
        began = max(event.time for event in events if event.kind == "first_token")
        ended = max(event.time for event in events if event.kind == "ended")
        return 1e3 * (ended - began) / (N_TOKENS - 1)


def milliseconds_per_mask(tokenizer: Tokenizer, form: Any, texts: list[list[int]]) -> float:
    """Of one mask, in one thread, along texts of the form."""
    response_format = response_format_of(form)
    assert response_format is not None
    grammar, times = ConstraintTokenizer(tokenizer).constraint(response_format.grammar), list[float]()
    for text in texts:
        constraint = grammar.copy(())
        for token in text[:-1]:
            began = time.perf_counter()
            constraint.mask()
            times.append(time.perf_counter() - began)
            constraint.accept(token)
    return 1e3 * statistics.mean(times)


def main() -> None:
    parser = harness.engine_parser(__doc__)
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    watch, rows = Stopwatch(), {name: list[tuple[float, float]]() for name in FORMS}
    texts = {name: list[list[int]]() for name in FORMS}
    with LLM(arguments.model, threads=arguments.threads, speculation="off", on_event=watch) as llm:
        prompts = [f"Notes number {index}. People of the village, in order, are:" for index in range(arguments.batch)]

        def step(**options: Any) -> float:
            params = SamplingParams(temperature=0.8, seed=1, max_tokens=N_TOKENS, ignore_eos=True)
            answers = llm.generate(prompts, params, **options)
            assert {answer.usage.completion_tokens for answer in answers} == {N_TOKENS}, "an answer ended early"
            for name, form in FORMS.items():
                if options.get("response_format") is form:
                    texts[name] = [answer.token_ids for answer in answers]
            return watch.milliseconds()

        for number in range(arguments.rounds + 1):
            for name, form in FORMS.items():
                pair = step(), step(response_format=form)
                if number > 0:  # the first compiles
                    rows[name].append(pair)
        tokenizer = llm._tokenizer  # noqa: SLF001  (the one whose masks are to be timed)
        masks = {name: milliseconds_per_mask(tokenizer, form, texts[name]) for name, form in FORMS.items()}
    for name, pairs in rows.items():
        ratio = statistics.median(formed / free for free, formed in pairs)
        free, formed = (statistics.median(pair[index] for pair in pairs) for index in (0, 1))
        print(f"{name:26s} {free:6.2f} ms free, {formed:6.2f} ms, {ratio:.3f}x; a mask {1e3 * masks[name]:5.0f} us")
    settings = {"model": arguments.model, "batch": arguments.batch, "threads": arguments.threads}
    print(f"appended to {harness.record('structured', {**settings, 'steps': rows, 'masks': masks})}")


if __name__ == "__main__":
    main()
