"""A residual stream of several parts, of which one goes through the layers (AltUp; Baykal et al., 2023).

Before a layer all parts are predicted from what they are; after it they are corrected by what it made of the active
one. By how much, a router says of that part.
"""

from __future__ import annotations

from llmagentos.models.fused import MOST_STACKED
from llmagentos.models.parts import Parts

MOST_PARTS = MOST_STACKED + 1  # all but the first have a matrix in a stack
CORRECT_SCALE = "altup.correct_scale"  # a key that llama.cpp's files do not have: there it is true
_LEAST_SQUARE = 1e-5  # of a part that is scaled to another's magnitude


class AltUp:
    """Adds to a graph what happens to the stream, whose parts lie side by side in one value.

    Attributes:
        active: the number of the part that goes through the layers.
        scales_active: whether the layer's own embedding sees that part scaled by columns.
    """

    def __init__(self, parts: Parts) -> None:
        meta = parts.meta
        self.parts, self.g = parts, parts.g
        self.n = meta.integer("altup.num_inputs", 4, high=MOST_PARTS)
        self.active = meta.integer("altup.active_idx", 0, low=0, high=self.n - 1)
        self.scales_active = meta.flag(CORRECT_SCALE, True)

    def active_part(self, x: int) -> int:
        return self._part(x, self.active)

    def widened(self, first: int) -> int:
        """The stream whose first part this is, the others being projections of its magnitude."""
        x = self.g.mix(first, parts=1, constants=self._only(0))
        for i in range(1, self.n):
            part = self.parts.linear(first, f"altup_proj.{i - 1}", self.parts.width)
            part = self.g.match_rms(part, first, least=_LEAST_SQUARE)
            x = self.g.mix(part, parts=1, constants=self._only(i), base=x)
        return x

    def merged(self, x: int) -> int:
        """The mean of the parts, of which all but the first are projected and of its magnitude."""
        first = self._part(x, 0)
        total = self.g.scale(first, 1 / self.n)
        for i in range(1, self.n):
            part = self.parts.linear(self._part(x, i), f"altup_unembd_proj.{i - 1}", self.parts.width)
            part = self.g.match_rms(part, first, least=_LEAST_SQUARE)
            total = self.g.mix(part, parts=1, constants=[1 / self.n], base=total)
        return total

    def predicted(self, x: int, block: str) -> int:
        """Each part, to which the router adds so much of each."""
        coefficients = self._coefficients(self.active_part(x), block, "predict", self.n * self.n)
        return self.g.mix(x, parts=self.n, coefficients=coefficients, base=x)

    def corrected(self, predicted: int, made: int, block: str) -> int:
        """Each part, moved as the active one was when the layer made this of it, and as the router adds."""
        minus_active = [-value for value in self._only(self.active)]
        change = self.g.mix(predicted, parts=self.n, constants=minus_active, base=made)
        coefficients = self._coefficients(made, block, "correct", self.n)
        return self.g.mix(change, parts=1, constants=[1.0] * self.n, coefficients=coefficients, base=predicted)

    def injected(self, x: int, inputs: int, size: int, block: str) -> int:
        """With a layer's own embedding [size], as the active part lets it through, in all parts but the first."""
        parts, g = self.parts, self.g
        active = self.active_part(x)
        if self.scales_active:
            active = g.scale_columns(active, block + "altup_correct_scale.weight")
        gated = g.glu(parts.linear(active, block + "inp_gate", size), inputs, "gelu_tanh")
        added = parts.norm(parts.linear(gated, block + "proj", parts.width), block + "post_norm")
        return g.mix(added, parts=1, constants=[0.0] + [1.0] * (self.n - 1), base=x)

    def _part(self, x: int, index: int) -> int:
        return self.g.mix(x, parts=self.n, constants=self._only(index))

    def _coefficients(self, x: int, block: str, name: str, n: int) -> int:
        routed = self.g.scale(self.parts.norm(x, block + "altup_router_norm"), 1 / self.parts.width)
        routed = self.g.activation(self.parts.linear(routed, block + "altup_router", self.n), "tanh")
        return self.parts.linear(routed, f"{block}altup_{name}_coef", n)

    def _only(self, index: int) -> list[float]:
        return [float(i == index) for i in range(self.n)]
