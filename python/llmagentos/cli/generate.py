"""`llmagentos generate`: one prompt, one answer, streamed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from llmagentos.cli import options


def register(app: typer.Typer) -> None:
    """Adds `generate` to the app."""

    @app.command()
    def generate(
        prompt: Annotated[
            str | None, typer.Argument(help="The text to answer or continue; '-' or nothing reads standard input.")
        ] = None,
        model: options.Model = options.DEFAULT_MODEL,
        max_tokens: options.MaxTokens = options.DEFAULT_MAX_TOKENS,
        temperature: options.Temperature = None,
        top_p: options.TopP = None,
        top_k: options.TopK = None,
        min_p: options.MinP = None,
        seed: options.Seed = None,
        stop: options.Stop = None,
        as_chat: Annotated[
            bool | None,
            typer.Option("--chat/--raw", help="As a chat turn, or as text to continue; default: what suits the model."),
        ] = None,
        adapter: Annotated[
            str | None,
            typer.Option("--adapter", metavar="NAME=PATH", help="A LoRA adapter to answer with: a folder of PEFT's."),
        ] = None,
        threads: options.Threads = None,
        context: options.Context = None,
    ) -> None:
        """Generate text from a prompt. The text goes to standard output as it is made, and nothing else does."""
        from llmagentos.cli.output import checked_argument, print_stream, read_prompt
        from llmagentos.errors import InvalidRequestError
        from llmagentos.llm import LLM

        text = read_prompt(prompt)
        name, folder = options.name_and_path(adapter, "--adapter")
        adapters = None if name is None else {name: folder}
        with LLM(model, threads=threads, context_length=context, adapters=adapters) as llm:
            params = options.params_from(
                llm,
                max_tokens=max_tokens or None,
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                min_p=min_p,
                seed=seed,
                stop=[checked_argument(text, "--stop") for text in stop or []] or None,
            )
            if as_chat and not llm.has_chat_template:
                raise InvalidRequestError(
                    f"{llm.info.name} has no chat template: leave out --chat, or give --raw, to continue the text"
                )
            turn = llm.has_chat_template if as_chat is None else as_chat
            stream = llm.stream([{"role": "user", "content": text}] if turn else text, params, adapter=name)
            try:
                print_stream(stream, params.max_tokens)
            except KeyboardInterrupt:
                print()
                raise typer.Exit(130) from None
            if sys.stdout.isatty():
                print()
