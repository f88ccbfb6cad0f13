"""Which of a checkpoint's layers see a window of earlier tokens only, and how long it is."""

from __future__ import annotations

from llmagentos.errors import UnsupportedModelError
from llmagentos.models.parts import Parts

_WINDOW, _PATTERN = "attention.sliding_window", "attention.sliding_window_pattern"


def layer_windows(
    parts: Parts, default_every: int = 0, *, global_first: bool = False, default_window: int = 0
) -> list[int]:
    """The window of each layer's attention, 0 where there is none.

    Files say which layers have one by a flag for each, or by a number: every so many-th layer has none.

    Args:
        default_every: that number where the file does not say; 0: all layers have the window.
        global_first: whether the layer without one is the first of each so many, rather than the last.
        default_window: where the file does not say.

    Raises:
        UnsupportedModelError: there are fewer flags than layers.
    """
    meta, n_layers = parts.meta, parts.n_layers
    window = meta.integer(_WINDOW, default_window, low=0)
    if window == 0:
        return [0] * n_layers
    flags = meta.integers(_PATTERN) if meta.is_array(_PATTERN) else None
    if flags is None:
        every = meta.integer(_PATTERN, default_every, low=0)
        flags = [1 if every == 0 else (i + (0 if global_first else 1)) % every for i in range(n_layers)]
    if len(flags) < n_layers:
        raise UnsupportedModelError(
            f"{parts.checkpoint.path}: {_PATTERN} has {len(flags)} elements for {n_layers} layers"
        )
    return [window if flag else 0 for flag in flags[:n_layers]]
