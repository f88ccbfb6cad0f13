"""A model on disk, opened: what it is, its tensors, its tokenizer, its chat template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.metadata import Metadata
from llmagentos.formats.tensors import Tensors
from llmagentos.formats.tokenizer import Tokenizer

MAX_LAYERS = 1024  # several times what any model has; bounds the graph that a small file can ask for


@dataclass(frozen=True, slots=True)
class DecodingTokens:
    """Tokens around an encoder-decoder model's answers.

    Attributes:
        start: stands before an answer and is no part of it.
        forced_first: the answer's first token, whatever the logits say; None where they decide.
        forced_last: the answer's last token where it is cut at its greatest length.
    """

    start: int
    forced_first: int | None = None
    forced_last: int | None = None


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the rows of a text become one vector.

    Attributes:
        rows: the mean of all, or the first ("cls") or the last one; or all, of which `modes` are made.
        modes: by the names of sentence-transformers ("max", "weightedmean", ...); their vectors lie side by side.
        is_classifier: whether the vector holds a classifier's outputs rather than an embedding.
    """

    rows: Literal["mean", "cls", "last", "all"]
    is_classifier: bool = False
    modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """An open model. Tensors stay mapped in their files until something packs them.

    Attributes:
        path: a file or a folder.
        tensors: by GGUF's names.
        architecture: "llama", "gemma3", ...; as GGUF's general.architecture has it.
        metadata: typed look-ups under the architecture's prefix.
        tokenizer: `IdsOnly` for a folder without one.
        chat_template: Jinja source, or None for a model without one.
        name: what the file calls its model, or the file's own name.
        sampling: the sampling that it recommends, by SamplingParams' names; unchecked.
        pooling: of a model that makes one vector of each text; None for one that generates.
        missing_ids: ids that the model computes logits for but that stand for no token, such as an embedding's rows
            that make its size a round number. They are never generated.
    """

    path: Path
    tensors: Tensors
    architecture: str
    metadata: Metadata
    tokenizer: Tokenizer
    chat_template: str | None
    name: str
    sampling: Mapping[str, Any] = field(default_factory=dict)
    pooling: Pooling | None = None
    missing_ids: frozenset[int] = frozenset()

    @property
    def context_length(self) -> int:
        """Tokens the model was trained to hold."""
        return self.metadata.integer("context_length", low=2)  # a prompt's token and an answer's

    @property
    def n_layers(self) -> int:
        """Layers, each of which has tensors of its own in the file; of the encoder where there is one."""
        return self.metadata.integer("block_count", high=self._most_layers)

    @property
    def n_decoder_layers(self) -> int:
        """Of the decoder beside an encoder."""
        return self.metadata.integer("decoder_block_count", self.n_layers, high=self._most_layers)

    @property
    def _most_layers(self) -> int:
        return min(len(self.tensors.names()), MAX_LAYERS)

    @property
    def has_relative_positions(self) -> bool:
        """Whether positions are distances, so that the model runs beyond what it was trained to hold."""
        return self.metadata.integer("attention.relative_buckets_count", None) is not None

    @property
    def is_encoder_decoder(self) -> bool:
        return self.metadata.integer("decoder_start_token_id", None, low=0) is not None

    @property
    def decoding(self) -> DecodingTokens:
        """What an encoder-decoder model begins and ends its answers with.

        Raises:
            ModelFormatError: it does not say how they begin, or a token is outside the vocabulary.
        """
        meta, high = self.metadata, self.vocab_size - 1
        return DecodingTokens(
            meta.integer("decoder_start_token_id", low=0, high=high),
            meta.integer("decoder_forced_bos_token_id", None, low=0, high=high),
            meta.integer("decoder_forced_eos_token_id", None, low=0, high=high),
        )

    @property
    def vocab_size(self) -> int:
        """Rows of the token embedding; a tokenizer may know fewer tokens.

        Raises:
            UnsupportedModelError: there is none.
        """
        spec = self.tensors.spec("token_embd.weight")
        if spec is None or len(spec.shape) != 2:
            raise UnsupportedModelError(f"{self.path}: there is no tensor token_embd.weight, which every model needs")
        return spec.shape[0]

    def has_tensor(self, name: str) -> bool:
        return self.tensors.spec(name) is not None

    @cached_property
    def bytes_per_format(self) -> dict[str, int]:
        """Bytes of the tensors of each weight format, largest first."""
        sizes = dict[str, int]()
        for name in self.tensors.names():
            spec = self.tensors.spec(name)
            if spec is not None:
                sizes[spec.dtype] = sizes.get(spec.dtype, 0) + spec.n_bytes
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))

    @property
    def weight_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(self.bytes_per_format.values())

    @property
    def n_parameters(self) -> int:
        """Values in all tensors."""
        specs = (self.tensors.spec(name) for name in self.tensors.names())
        return sum(spec.n_values for spec in specs if spec is not None)
