"""An executor that computes every batch aside, as few pieces at a time as can be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import Executor


class InPieces:
    """Runs beside each batch one token in `spare_block`, read by the encoder where the model has one."""

    def __init__(self, executor: Executor, spare_block: int, *, has_encoder: bool = False) -> None:
        self._executor = executor
        none, ends = np.zeros(1, np.int32), np.array([0, 1], np.int32)
        self._beside = (none, none, ends, np.array([[spare_block]], np.int32), none[: 1 - has_encoder])
        self._has_encoder = has_encoder

    def run(self, *batch: NDArray[np.int32], **more: Any) -> NDArray[np.float32]:
        """The output of Executor.run."""
        self._executor.begin_aside(*batch, **more)
        while (output := self._executor.aside_output) is None:
            self._executor.run(*self._beside, is_encoder=self._has_encoder, aside=(0.0, 0.0))
        return output
