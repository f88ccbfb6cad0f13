"""generation_config.json: how transformers generates with a model where its caller does not say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_folder import HfFolder
from llmagentos.formats.tensors import LazyTensor, LazyTensors, TensorSpec, decoded
from llmagentos.models.hf_config import HfConfig

_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty")
_SEARCH = ("no_repeat_ngram_size", "min_length", "repetition_penalty")
_BEAMS = ("num_beams", "length_penalty", "early_stopping")
_OF_LENGTH = {"min_new_tokens": "min_tokens", "max_new_tokens": "max_tokens"}
_FORCES_BOS = "force_bos_token_to_be_generated"  # the oldest form of forced_bos_token_id
_TOKENS = ("decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id")
# What this build has no place for, with the values that mean nothing of the kind is wanted.
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "begin_suppress_tokens": ([],),
    "constraints": ([],),
    "diversity_penalty": (0.0,),
    "dola_layers": (),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1.0,),
    "epsilon_cutoff": (0.0,),
    "eta_cutoff": (0.0,),
    "exponential_decay_length_penalty": (),
    "force_words_ids": ([],),
    "forced_decoder_ids": ([],),
    "guidance_scale": (1.0,),
    "num_beam_groups": (1,),
    "penalty_alpha": (0.0,),
    "sequence_bias": ({},),
    "stop_strings": ([], ""),
    "suppress_tokens": ([],),
    "token_healing": (False,),
    "top_h": (),
    "watermarking_config": ({},),
}
# Fields of older config.json files, from before generation_config.json; they count where there is no such file.
IN_CONFIG = frozenset(
    {*_SAMPLING, *_SEARCH, *_BEAMS, *_OF_LENGTH, *_TOKENS, *_UNSUPPORTED, _FORCES_BOS}
    | {"bad_words_ids", "do_sample", "max_length"}
) - {"decoder_start_token_id", "forced_eos_token_id"}
_BANNED = -1e6  # what SamplingParams.logit_bias can be at the least, and an output's bias that leaves no probability


class GenerationSettings:
    """What a folder says. Decoders are asked for their sampling only, which callers expect to choose anyway.

    Raises:
        UnsupportedModelError: an encoder-decoder model's answers depend on a setting that this build does not have.
        ModelFormatError: a setting of the wrong type.
    """

    def __init__(self, folder: HfFolder, config: HfConfig, is_encoder_decoder: bool) -> None:
        self._path = str(folder.path)
        self._is_encoder_decoder = is_encoder_decoder
        self._values: Mapping[str, Any] = folder.generation_config or folder.config
        config.ignore(*IN_CONFIG)
        self._typed = HfConfig(self._path, self._values)
        if not is_encoder_decoder:
            return
        self._start = self._values.get("decoder_start_token_id", config.get("decoder_start_token_id"))
        for name, off in _UNSUPPORTED.items():
            if self._values.get(name) is not None and self._values[name] not in off:
                raise UnsupportedModelError(
                    f"{self._path}: generation with {name}={self._values[name]!r} is not supported"
                )
        if self._samples and self._n_beams > 1:
            raise UnsupportedModelError(
                f"{self._path}: generation with do_sample=True and num_beams={self._n_beams} together is not supported"
            )
        self._banned = self._banned_ids(config.integer("vocab_size"))

    def metadata(self) -> dict[str, Any]:
        """The tokens around an encoder-decoder model's answers.

        Raises:
            ModelFormatError: none to begin with is named.
        """
        if not self._is_encoder_decoder:
            return {}
        start = self._values.get("bos_token_id") if self._start is None else self._start
        if start is None:
            raise ModelFormatError(f"{self._path}: neither decoder_start_token_id nor bos_token_id is set", self._path)
        first = self._values.get("forced_bos_token_id")
        if first is None and self._values.get(_FORCES_BOS) is True:
            first = self._values.get("bos_token_id")
        last = self._values.get("forced_eos_token_id")
        if isinstance(last, list) and last:  # all are as likely then; the first is taken
            last = last[0]
        made = {
            "decoder_start_token_id": start,
            "decoder_forced_bos_token_id": first,
            "decoder_forced_eos_token_id": last,
        }
        return {key: value for key, value in made.items() if value is not None}

    def sampling(self) -> dict[str, Any]:
        """By SamplingParams' names: of a decoder how it samples, of an encoder-decoder model also how it searches."""
        given = {name: value for name, value in self._values.items() if value is not None}
        made = {name: given[name] for name in _SAMPLING if self._samples and name in given}
        if not self._is_encoder_decoder:
            return made
        made |= {name: given[name] for name in _SEARCH if name in given}
        made |= {ours: given[name] for name, ours in _OF_LENGTH.items() if name in given}
        max_length = self._typed.integer("max_length", None, low=1)
        if max_length is not None and "max_tokens" not in made:
            made["max_tokens"] = max(1, max_length - 1)  # that counts the token the decoder starts with
        if not self._samples:
            made["temperature"] = 0.0
            if self._n_beams > 1:
                made |= {name: given[name] for name in _BEAMS if name in given}
        if self._banned and not self._renormalizes:
            made["logit_bias"] = dict.fromkeys(self._banned, _BANNED)
        return made

    def ban(self, tensors: dict[str, LazyTensor], metadata: Mapping[str, Any]) -> None:
        """Take all probability from banned tokens where what is left is to sum to one."""
        if not self._is_encoder_decoder or not self._banned or not self._renormalizes:
            return
        given = LazyTensors(tensors)
        n, spec = int(metadata["vocab_size"]), given.spec("output.bias")
        if spec is not None and spec.n_values != n:
            raise UnsupportedModelError(f"{self._path}: {spec.n_values} biases of the output for {n} tokens")

        def values() -> NDArray[np.float32]:
            bias = np.zeros(n, np.float32) if spec is None else decoded(given, "output.bias")
            bias[self._banned] = _BANNED
            return bias

        tensors["output.bias"] = LazyTensor(TensorSpec("F32", (n,)), values)

    @property
    def _samples(self) -> bool:
        return self._typed.flag("do_sample", False)

    @property
    def _n_beams(self) -> int:
        return int(self._typed.integer("num_beams", 1, low=1))

    @property
    def _renormalizes(self) -> bool:
        return self._typed.flag("renormalize_logits", False)

    def _banned_ids(self, n_vocab: int) -> list[int]:
        words = self._typed.get("bad_words_ids") or []
        if not isinstance(words, list) or any(not isinstance(word, list) or len(word) != 1 for word in words):
            raise UnsupportedModelError(f"{self._path}: bad_words_ids of several tokens are not supported")
        if any(type(word[0]) is not int or not 0 <= word[0] < n_vocab for word in words):
            raise ModelFormatError(f"{self._path}: bad_words_ids must be of ids below {n_vocab}: {words!r}", self._path)
        others = [
            name
            for name, off in (("no_repeat_ngram_size", 0), ("min_length", 0), ("repetition_penalty", 1.0))
            if self._values.get(name) not in (None, off)
        ]
        if self._renormalizes and others:
            raise UnsupportedModelError(f"{self._path}: renormalize_logits together with {others[0]} is not supported")
        return [word[0] for word in words]
