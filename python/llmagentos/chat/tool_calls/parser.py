"""An answer's text as it arrives, taken apart into what is said and what is called."""

from __future__ import annotations

from collections.abc import Callable

from llmagentos.chat.tool_calls.call_scanner import CallScanner
from llmagentos.chat.tool_calls.formats import ToolFormat
from llmagentos.chat.tool_calls.parsed import Parsed
from llmagentos.completion import ToolCall, ToolCallDelta
from llmagentos.partial_match import partial_match

_SPACE = " \t\r\n"


class ToolCallParser:
    """Takes text in pieces, however it is cut.

    An opening is held back until it is decided whether it is one, and so is white space, which is dropped before a call
    and around it. What has an opening but turns out to be no call is content.

    Args:
        tool_format: how the model writes calls.
        call_id: the id of the call with a given number.

    Attributes:
        calls: those that are complete.
    """

    def __init__(self, tool_format: ToolFormat, call_id: Callable[[int], str]) -> None:
        self._format = tool_format
        self._call_id = call_id
        self.calls: list[ToolCall] = []
        self._state = self._start if tool_format.leads else self._text
        self._pending = ""  # not yet looked at, or not yet decided
        self._raw = ""  # what may turn out to be no call
        self._scanner = CallScanner(tool_format.arguments_key)
        self._n_begun = 0  # calls with a delta given out
        self._n_given: int | None = None  # letters of the arguments given out, None before the call's first delta
        self._content: list[str] = []
        self._deltas: list[ToolCallDelta] = []

    def push(self, text: str) -> Parsed:
        """What this piece decides."""
        self._pending += text
        while self._state():
            pass
        return self._taken()

    def finish(self, is_cut: bool) -> Parsed:
        """What is left when no more text comes.

        Args:
            is_cut: more would have come. Then what may have become a call is dropped rather than taken for content.
        """
        in_call = self._state in (self._body, self._call)
        if in_call and not is_cut and self._n_given is None:
            self._content.append(self._raw + self._pending)
        elif self._state in (self._start, self._text):
            keep = partial_match(self._pending, self._format.opening) if is_cut else 0
            self._content.append(self._pending[: len(self._pending) - keep])
        self._pending = ""
        return self._taken()

    def _taken(self) -> Parsed:
        parsed = Parsed("".join(self._content), tuple(self._deltas))
        self._content, self._deltas = [], []
        return parsed

    # Each state looks at what is pending and says whether there is more to do.

    def _start(self) -> bool:
        """At the beginning of an answer, where calls stand or nowhere."""
        text, opening = self._pending.lstrip(_SPACE), self._format.opening
        if text.startswith(opening):
            self._skip_to(text[len(opening) :])
            return self._go(self._body)
        if opening.startswith(text):
            return False
        if self._format.is_bare and text.startswith("{"):
            self._skip_to(text)
            return self._go(self._body)
        return self._go(self._text)

    def _text(self) -> bool:
        """In what is said."""
        opening = self._format.opening
        if self._format.leads:
            self._content.append(self._pending)
            self._pending = ""
            return False
        at = self._pending.find(opening)
        end = at if at >= 0 else len(self._pending) - partial_match(self._pending, opening)
        said = self._pending[:end].rstrip(_SPACE)
        self._content.append(said)
        self._pending = self._pending[len(said) :]
        if at < 0:
            return False
        self._skip_to(self._pending[at + len(opening) - len(said) :])
        return self._go(self._body)

    def _body(self) -> bool:
        """After an opening, where an object is to begin."""
        text = self._pending.lstrip(_SPACE + "[" if self._format.is_list else _SPACE)
        self._skip_to(text)
        if not text:
            return False
        if not text.startswith("{"):
            return self._give_back()
        self._scanner, self._n_given = CallScanner(self._format.arguments_key), None
        return self._go(self._call)

    def _call(self) -> bool:
        """In an object."""
        n_read = 0
        for letter in self._pending:
            self._scanner.push(letter)
            n_read += 1
            if self._scanner.done:
                break
        self._skip_to(self._pending[n_read:])
        if not self._scanner.done:
            self._give_delta()
            return False
        arguments = self._scanner.parsed()
        if arguments is None:
            return self._give_back() if self._n_given is None else self._go(self._between)
        self._give_delta()
        name, text = str(self._scanner.name), self._scanner.arguments
        self.calls.append(ToolCall(self._call_id(self._n_begun - 1), name, text, arguments))
        return self._go(self._between)

    def _between(self) -> bool:
        """After an object."""
        opening, closing = self._format.opening, self._format.closing
        text = self._pending.lstrip(_SPACE + ",]" if self._format.is_list else _SPACE)
        self._pending = text
        if closing and text.startswith(closing):
            self._pending = text[len(closing) :]
            return True
        if text.startswith(opening):
            self._raw = ""
            self._skip_to(text[len(opening) :])
            return self._go(self._body)
        if self._format.is_list and text.startswith("{"):
            self._raw = ""
            return self._go(self._body)
        if opening.startswith(text) or closing.startswith(text):
            return False
        return self._go(self._text)

    def _skip_to(self, rest: str) -> None:
        """Go on with `rest`, the end of what is pending, and remember what comes before it."""
        self._raw += self._pending[: len(self._pending) - len(rest)]
        self._pending = rest

    def _give_back(self) -> bool:
        """What looked like a call is none."""
        self._content.append(self._raw)
        self._raw = ""
        return self._go(self._text)

    def _give_delta(self) -> None:
        name, arguments = self._scanner.name, self._scanner.arguments
        if name is None or not arguments.startswith("{"):
            return
        if self._n_given is None:
            call_id = self._call_id(self._n_begun)
            self._deltas.append(ToolCallDelta(self._n_begun, call_id, name, arguments))
            self._n_begun += 1
        elif len(arguments) > self._n_given:
            self._deltas.append(ToolCallDelta(self._n_begun - 1, None, None, arguments[self._n_given :]))
        self._n_given = len(arguments)

    def _go(self, state: Callable[[], bool]) -> bool:
        self._state = state
        return True
