"""`llmagentos chat`: a conversation in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmagentos.completion import Chunk
    from llmagentos.llm import LLM
    from llmagentos.sampling_params import SamplingParams

HELP = """/reset  forget the conversation
/help   show this
/exit   leave (so does Ctrl-D)
Ctrl-C stops an answer."""


def register(app: typer.Typer) -> None:
    """Adds `chat` to the app."""

    @app.command()
    def chat(
        model: options.Model = options.DEFAULT_MODEL,
        system: options.System = None,
        max_tokens: options.MaxTokens = options.DEFAULT_MAX_TOKENS,
        temperature: options.Temperature = None,
        top_p: options.TopP = None,
        top_k: options.TopK = None,
        min_p: options.MinP = None,
        seed: options.Seed = None,
        threads: options.Threads = None,
        context: options.Context = None,
    ) -> None:
        """Talk with a model. It remembers the conversation; /help shows what else it takes."""
        from llmagentos.cli.output import checked_argument
        from llmagentos.errors import InvalidRequestError
        from llmagentos.llm import LLM

        instructions = None if system is None else checked_argument(system, "--system")
        with LLM(model, threads=threads, context_length=context) as llm:
            if not llm.has_chat_template:
                raise InvalidRequestError(
                    f"{llm.info.name} has no chat template, so it cannot chat; `llmagentos generate` continues a text"
                )
            params = options.params_from(
                llm,
                max_tokens=max_tokens or None,
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                min_p=min_p,
                seed=seed,
            )
            Conversation(llm, params, instructions).run()


class Conversation:
    """The loop: read a line, answer it, remember both."""

    def __init__(self, llm: LLM, params: SamplingParams, system: str | None) -> None:
        self.llm = llm
        self.params = params
        self.opening = [] if system is None else [{"role": "system", "content": system}]
        self.messages = list(self.opening)

    def run(self) -> None:
        """Until /exit or the end of input."""
        from llmagentos.cli.output import printable

        is_terminal = sys.stdin.isatty()
        if is_terminal:
            import readline  # noqa: F401  (gives input() line editing and history)

            print(f"{printable(self.llm.info.name)}. /help shows the commands, Ctrl-D leaves.")
        while True:
            try:
                line = input("\n> " if is_terminal else "")
            except EOFError:
                break
            except KeyboardInterrupt:
                # At the prompt Ctrl-C drops the line being typed, as in a shell.
                print()
                continue
            command = line.strip()
            if command == "/exit":
                break
            if command == "/help":
                print(HELP)
            elif command == "/reset":
                self.messages = list(self.opening)
                print("The conversation starts anew.")
            elif command.startswith("/"):
                print(f"There is no command {printable(command.split()[0])}.\n{HELP}")
            elif command:
                self.answer(line)
        if is_terminal:
            print()

    def answer(self, line: str) -> None:
        """Stream the answer to one line. What Ctrl-C leaves of it is remembered; a line that fails is not."""
        from llmagentos.cli.output import checked_input, print_stream, printable
        from llmagentos.errors import LLMAgentOSError

        said: list[str] = []
        turn = {"role": "user", "content": line}
        try:
            turn["content"] = checked_input(line)
            stream = self.llm.stream([*self.messages, turn], self.params)
            print_stream(_recorded(stream, said), self.params.max_tokens)
        except KeyboardInterrupt:
            print("\n(stopped)", end="")
        except LLMAgentOSError as error:
            if not sys.stdin.isatty():
                raise  # a script sees it in the exit status
            print(
                f"error: {printable(options.in_options(str(error)))} (/reset forgets the conversation)", file=sys.stderr
            )
            return
        print()
        self.messages += [turn, {"role": "assistant", "content": "".join(said)}]


def _recorded(chunks: Iterator[Chunk], said: list[str]) -> Iterator[Chunk]:
    for chunk in chunks:
        said.append(chunk.text)
        yield chunk
