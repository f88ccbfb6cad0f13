"""`llmagentos chat`: a conversation in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.sampling_params import SamplingParams


def register(app: typer.Typer) -> None:
    """Adds `chat` to the app."""

    @app.command()
    def chat(
        model: options.Model = options.DEFAULT_MODEL,
        system: options.System = None,
        max_tokens: options.MaxTokens = None,
        temperature: options.Temperature = None,
        top_p: options.TopP = None,
        top_k: options.TopK = None,
        min_p: options.MinP = None,
        seed: options.Seed = None,
        threads: options.Threads = None,
        context: options.Context = None,
        markdown: Annotated[
            bool | None,
            typer.Option(
                "--markdown/--plain", help="Lay answers out, or show them as they are; default: a terminal's."
            ),
        ] = None,
    ) -> None:
        """Talk with a model. It remembers the conversation; /help shows what else it takes."""
        from llmagentos.cli.chat_session import ChatSession
        from llmagentos.cli.output import checked_argument
        from llmagentos.errors import InvalidRequestError
        from llmagentos.llm import LLM

        def open_model(name: str) -> tuple[LLM, SamplingParams]:
            llm = LLM(name, threads=threads, context_length=context)
            try:
                if not llm.has_chat_template:
                    other = "`llmagentos generate` takes a text" if llm.generates else "it makes vectors of texts"
                    raise InvalidRequestError(f"{llm.info.name} has no chat template, so it cannot chat; {other}")
                params = options.params_from(
                    llm,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    top_p=top_p,
                    top_k=top_k,
                    min_p=min_p,
                    seed=seed,
                )
            except BaseException:
                llm.close()
                raise
            return llm, params

        instructions = None if system is None else checked_argument(system, "--system")
        is_laid_out = sys.stdout.isatty() if markdown is None else markdown
        with ChatSession(open_model, model, instructions, is_laid_out) as session:
            session.run()
