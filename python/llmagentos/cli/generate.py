"""`llmagentos generate`: one prompt, one answer, streamed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.sampling_params import SamplingParams


def register(app: typer.Typer) -> None:
    """Adds `generate` to the app."""

    @app.command()
    def generate(
        prompt: Annotated[
            str | None, typer.Argument(help="The text to answer or continue; '-' or nothing reads standard input.")
        ] = None,
        files: Annotated[
            list[Path] | None,
            typer.Option(
                "--file", "-f", metavar="FILE", help="Text that follows the prompt; '-' is standard input. Repeatable."
            ),
        ] = None,
        model: options.Model = options.DEFAULT_MODEL,
        max_tokens: options.MaxTokens = None,
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
        schema: Annotated[
            Path | None, typer.Option("--schema", metavar="FILE", help="A JSON schema that the answer must keep to.")
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print one JSON object: text, finish_reason, usage, parsed.")
        ] = False,
        threads: options.Threads = None,
        context: options.Context = None,
    ) -> None:
        """Generate text from a prompt. The text goes to standard output as it is made, and nothing else does.

        With --schema the answer is JSON that the schema allows. One that was
        cut before its end is printed too, and the exit status is 1.
        """
        from llmagentos.cli.inputs import prompt_of, response_format_in
        from llmagentos.cli.output import checked_argument
        from llmagentos.errors import InvalidRequestError
        from llmagentos.llm import LLM

        text = prompt_of(prompt, files or [])
        form = None if schema is None else response_format_in(schema)
        name, folder = options.name_and_path(adapter, "--adapter")
        adapters = None if name is None else {name: folder}
        with LLM(model, threads=threads, context_length=context, adapters=adapters) as llm:
            params = options.params_from(
                llm,
                max_tokens=max_tokens,
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
            given = [{"role": "user", "content": text}] if turn else text
            # Nothing is said about what is not wanted: a model of another kind may have none of it.
            wanted: dict[str, Any] = {"response_format": form, "adapter": name}
            wanted = {key: value for key, value in wanted.items() if value is not None}
            is_whole = (_print_json if as_json else _stream)(llm, given, params, wanted)
        if form is not None and not is_whole:
            raise typer.Exit(1)


def _stream(llm: LLM, given: Any, params: SamplingParams, wanted: dict[str, Any]) -> bool:
    """Write the answer, as it comes where it can be streamed. Returns whether it came to its own end."""
    from llmagentos.cli.answer_record import AnswerRecord
    from llmagentos.cli.output import print_stream, print_whole

    try:
        if params.num_beams > 1:  # which text is the answer is known at its end
            run = llm.generate if isinstance(given, str) else llm.chat
            answer = run(given, params, **wanted)
            print_whole(answer, params.max_tokens)
            reason = answer.finish_reason
        else:
            record = AnswerRecord(llm.stream(given, params, **wanted))
            print_stream(record, params.max_tokens)
            reason = None if record.last is None else record.last.finish_reason
    except KeyboardInterrupt:
        print()
        raise typer.Exit(130) from None
    if sys.stdout.isatty():
        print()
    return bool(reason == "stop")


def _print_json(llm: LLM, given: Any, params: SamplingParams, wanted: dict[str, Any]) -> bool:
    """Write the whole answer as JSON. Returns whether it came to its own end."""
    from llmagentos.cli.output import json_of

    run = llm.generate if isinstance(given, str) else llm.chat
    answer = run(given, params, **wanted)
    usage = answer.usage
    content = {
        "model": llm.info.name,
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        },
    }
    print(json_of(content | ({"parsed": answer.parsed} if "response_format" in wanted else {})))
    return bool(answer.finish_reason == "stop")
