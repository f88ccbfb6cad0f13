"""How families of models write tool calls, told from the text of their chat templates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """One way to write calls.

    A call is opening, padding, object, padding, closing, and calls stand one after the other with `separator` between
    them; or, where `is_list`, one opening is followed by a JSON list of objects.

    Attributes:
        opening: announces a call, or the list of them.
        closing: ends a call; "" where the object's end does.
        padding: on both sides of the object.
        separator: between two calls.
        leads: calls stand at an answer's beginning, or there are none.
        is_bare: there, a text whose first letter is { is a call even without the opening.
        arguments_key: the object's key for the arguments, beside "name".
        is_list: whether all calls are in one list.
        has_several: whether an answer may hold more than one call.
        in_template: whether the model's template describes the tools and writes earlier calls and their results.
        short_ids: whether the template takes only ids of nine letters and digits.
    """

    opening: str
    closing: str = ""
    padding: str = ""
    separator: str = ""
    arguments_key: str = "arguments"
    leads: bool = False
    is_bare: bool = False
    is_list: bool = False
    has_several: bool = True
    in_template: bool = True
    short_ids: bool = False


# Nous Research's Hermes 2 Pro, and with it Qwen 2.5 and Qwen 3.
HERMES = ToolFormat("<tool_call>", "</tool_call>", padding="\n", separator="\n")

# Meta's Llama 3.1 to 3.3. Their templates take one call at a time.
LLAMA3 = ToolFormat("<|python_tag|>", arguments_key="parameters", leads=True, is_bare=True, has_several=False)

# Mistral's tokenizers v2 and v3. The templates refuse other ids.
MISTRAL = ToolFormat("[TOOL_CALLS]", separator=", ", is_list=True, short_ids=True)

# For models whose template knows no tools, or writes calls in a way that is none of these: Hermes' way, described in
# the system message.
GENERIC = ToolFormat("<tool_call>", "</tool_call>", padding="\n", separator="\n", in_template=False)


# Templates that write calls in another way, though they have what tells one of those above: XML or plain text in the
# tags of Hermes (Qwen3-Coder, GLM, Apriel) or beside Llama's, and Mistral's later tokenizers.
_OTHER = ("<function=", "<arg_key>", "<tool_calls>", "[ARGS]")


def format_of(template: str | None) -> ToolFormat:
    """The format that a chat template writes calls in."""
    source = template or ""
    if "tools" not in source or any(sign in source for sign in _OTHER):
        return GENERIC
    if "[TOOL_CALLS]" in source:
        return MISTRAL
    if "<|python_tag|>" in source or "Environment: ipython" in source:
        return LLAMA3
    if "<tool_call>" in source:
        return HERMES
    return GENERIC
