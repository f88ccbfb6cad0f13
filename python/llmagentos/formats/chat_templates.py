"""Chat templates of models that have one for conversations with tools besides."""

from __future__ import annotations


def by_tools(default: object, tool_use: object) -> str | None:
    """One template that is the second where there are tools, else the first; None where the first is no text.

    Each stays as it is to the letter: the signs keep Jinja from taking spaces away where the two are put together.
    """
    if not isinstance(default, str) or not default:
        return None
    if not isinstance(tool_use, str) or not tool_use:
        return default
    # Jinja leaves out a last line's end.
    first, second = (text.removesuffix("\n") for text in (tool_use, default))
    return f"{{% if tools is not none +%}}{first}{{%+ else +%}}{second}{{%+ endif %}}"
