"""What guards of `llmagentos.safety` find in a text, by the categories that the server was given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from llmagentos.completion import Completion
from llmagentos.safety.guard import ALLOW, Block, Guard, Verdict, check
from llmagentos.safety.injection import addresses_model
from llmagentos.safety.judge import JudgeGuard
from llmagentos.safety.redaction import FORMS, RedactionGuard
from llmagentos.safety.topics import TopicGuard
from llmagentos.server.config import ModerationConfig

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.server.serving import Serving

Flags = dict[str, bool]


class Moderator:
    """Asks a guard for each category.

    Raises:
        InvalidRequestError: a topic's rules are not valid; names it.
    """

    def __init__(self, config: ModerationConfig) -> None:
        self._rules: dict[str, Guard] = {}
        if "personal_data" in config.checks:
            self._rules |= {f"personal_data/{kind}": RedactionGuard([kind]) for kind in FORMS}
        if "instructions" in config.checks:
            self._rules["instructions"] = _Instructions()
        self._rules |= {name: TopicGuard({name: rules}) for name, rules in config.topics.items()}
        self._judges = config.judges

    async def flags(
        self, texts: Sequence[str], serving: Serving, tenant: str, charge: Callable[[int], None]
    ) -> list[Flags]:
        """Of each text whether it belongs to each category.

        Args:
            tenant: whose prefix cache judges use.
            charge: told, in a thread, of the tokens that a judge has used.

        Raises:
            ApiError, LLMAgentOSError: a judge cannot be loaded or asked; the texts are then not judged at all.
        """
        found = await serving.computed(partial(_by_rules, self._rules, texts))
        for category, judge in self._judges.items():
            with await serving.models.lease(judge.model) as lease:
                model = _CountingJudge(lease.llm, serving.config.request_timeout, tenant, charge)
                guard = JudgeGuard(model, judge.policy)
                for flags, text in zip(found, texts, strict=True):
                    flags[category] = await _is_stopped(guard, text)
        return found


class _Instructions(Guard):
    """Stops what addresses the model that reads it."""

    def check_input(self, text: str, /) -> Verdict:
        return ALLOW if addresses_model(text) is None else Block("addresses the model")


class _CountingJudge:
    """A served model as a judge, which tells of the tokens that it was asked and has answered; see `Judge`."""

    def __init__(self, llm: LLM, timeout: float, tenant: str, charge: Callable[[int], None]) -> None:
        self._llm = llm
        self._charge = charge
        self._options: dict[str, Any] = {"timeout": timeout}
        if tenant and llm.remote is None:
            self._options["cache_salt"] = tenant

    @property
    def chat(self) -> Callable[..., Completion]:
        return self._chat

    def _chat(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Completion:
        completion = self._llm.chat(messages, **options, **self._options)
        self._charge(completion.usage.total_tokens)
        return completion


def _by_rules(guards: Mapping[str, Guard], texts: Sequence[str]) -> list[Flags]:
    async def ask() -> list[Flags]:
        return [{category: await _is_stopped(guard, text) for category, guard in guards.items()} for text in texts]

    return asyncio.run(ask())


async def _is_stopped(guard: Guard, text: str) -> bool:
    """Whether a guard would not let the text pass as it is."""
    return bool((await check([guard], "input", text)).decisions)
