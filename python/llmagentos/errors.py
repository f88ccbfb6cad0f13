"""Every error this package raises on purpose. Catch `LLMAgentOSError` to catch them all."""

from __future__ import annotations

MAX_SHOWN = 60  # characters of a value in a message


def shown(value: object) -> str:
    """How a message writes a value that a caller gave: its repr, shortened."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python converts (sys.set_int_max_str_digits)
        text = f"<{type(value).__name__} with too many digits to write>"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


class LLMAgentOSError(Exception):
    """Root of the package's errors."""


class ModelNotFoundError(LLMAgentOSError):
    """No model of that name or at that path, or it could not be fetched."""


class ModelFormatError(LLMAgentOSError):
    """A model file that breaks its format's rules.

    Attributes:
        path: the file.
        offset: the byte at which the fault was seen, or None where no single byte is at fault.
    """

    def __init__(self, message: str, path: str | None = None, offset: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.offset = offset


class UnsupportedModelError(LLMAgentOSError):
    """A valid file that needs something this build does not have: an architecture, a format, a tokenizer."""


class InvalidRequestError(LLMAgentOSError, ValueError):
    """An argument outside its domain. The message names the argument and its value."""


class ContextLengthError(InvalidRequestError):
    """The prompt does not fit the context.

    Attributes:
        prompt_tokens: tokens in the prompt.
        context_length: tokens that fit.
    """

    def __init__(self, message: str, prompt_tokens: int = 0, context_length: int = 0) -> None:
        super().__init__(message)
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length


class OutOfMemoryError(LLMAgentOSError, MemoryError):
    """What was asked for does not fit in memory. The message says what would."""


class ApplicationError(LLMAgentOSError):
    """An application that cannot be found, read, installed or run."""


class QueueFullError(LLMAgentOSError):
    """As many requests wait as may: the caller is to try again later, or to slow down."""


class ProviderError(LLMAgentOSError):
    """A service that runs models did not answer, or refused, or answered with what its protocol does not say.

    Attributes:
        retryable: whether the same call may succeed later: too many requests, an error of the service's own, a
            connection that failed or took too long. Such calls have been tried again before this is raised.
        status: the HTTP status, or None where there was none.
        retry_after: seconds after which the service asks to be called again, or None.
        timed_out: whether it did not answer in time.
    """

    def __init__(
        self,
        message: str,
        retryable: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after
        self.timed_out = timed_out


class SchemaError(InvalidRequestError):
    """A JSON schema that is not valid, or that says something which cannot be enforced.

    Attributes:
        pointer: JSON pointer (RFC 6901) to the place in the schema; "" is the schema itself.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


class ToolError(LLMAgentOSError):
    """A tool that cannot do what it was asked to. The message is for the model that asked, and says what to change."""
