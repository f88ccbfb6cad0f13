"""The loop of `llmagentos chat`: read a text, answer it, remember both."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmagentos.cli import options, output
from llmagentos.cli.answer_record import AnswerRecord
from llmagentos.cli.chat_commands import run_command
from llmagentos.cli.chat_prompt import line_reader
from llmagentos.errors import ContextLengthError, LLMAgentOSError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from llmagentos.llm import LLM
    from llmagentos.sampling_params import SamplingParams

    OpenModel = Callable[[str], tuple[LLM, SamplingParams]]


class ChatSession:
    """A conversation, with one model or several after one another.

    Args:
        open_model: loads the model of a name, and says with what sampling it is to be used.
        model: the first one's name.
        system: what models are told before all else.
        is_laid_out: whether answers are shown as the markdown they are, or else letter by letter.

    Attributes:
        turns: what was said so far, as messages, the system's left out.
    """

    def __init__(self, open_model: OpenModel, model: str, system: str | None, is_laid_out: bool) -> None:
        self._open_model = open_model
        self._is_laid_out = is_laid_out
        self._is_terminal = sys.stdin.isatty()
        self.model = model
        self.llm, self.params = open_model(model)
        self.system = system
        self.turns: list[dict[str, Any]] = []

    def switch(self, model: str) -> None:
        """Go on with another model. Where it cannot be loaded, the one before stays."""
        llm, params = self._open_model(model)
        self.llm.close()
        self.model, self.llm, self.params = model, llm, params

    def run(self) -> None:
        """Until /exit or the end of input."""
        read = line_reader()
        if self._is_terminal:
            print(f"{output.printable(self.llm.info.name)}. /help shows the commands, Ctrl-D leaves.")
        while True:
            try:
                self._take(read())
            except EOFError:
                break
            except KeyboardInterrupt:
                # At the prompt Ctrl-C drops what is being typed, as in a shell.
                print()
            except (LLMAgentOSError, OSError) as error:
                if not self._is_terminal:
                    raise  # a script sees it in the exit status
                print(f"error: {output.printable(_explained(error))}", file=sys.stderr)
        if self._is_terminal:
            print()

    def _take(self, text: str) -> None:
        command = text.strip()
        if command.startswith("/"):
            run_command(self, command)
        elif command:
            self._answer(text)

    def _answer(self, text: str) -> None:
        """Stream the answer to one text. What Ctrl-C leaves of it is remembered; a text that fails is not."""
        turn = {"role": "user", "content": output.checked_input(text)}
        opening = [] if self.system is None else [{"role": "system", "content": self.system}]
        record = AnswerRecord(self.llm.stream([*opening, *self.turns, turn], self.params))
        try:
            self._show(record)
        except KeyboardInterrupt:
            print("\n(stopped)")
        self.turns += [turn, {"role": "assistant", "content": record.text}]

    def _show(self, record: AnswerRecord) -> None:
        if not self._is_laid_out:
            output.print_stream(record, self.params.max_tokens)
            print()
            return
        from llmagentos.cli.markdown_stream import MarkdownStream

        with MarkdownStream() as view:
            for chunk in record:
                view.write(output.printable(chunk.text))
        output.tell_if_cut(record.last, self.params.max_tokens)
        view.print_note(record.summary())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.llm.close()


def _explained(error: LLMAgentOSError | OSError) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    hint = " (/reset forgets the conversation)" if isinstance(error, ContextLengthError) else ""
    return options.in_options(str(error)) + hint
