"""The tiny models of tests/oracles/families as the tests use them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagentos import SamplingParams
from llmagentos.backends.cpu import CpuBackend
from llmagentos.engine.beams import BeamGroup
from llmagentos.engine.engine import Engine, EngineConfig
from llmagentos.engine.native_sampler import NativeSampler
from llmagentos.engine.request import Request
from llmagentos.models import build_graph, open_checkpoint
from tests.oracles.families.case import Case
from tests.oracles.families.cases import all_cases

DATA = Path(__file__).parents[1] / "oracles" / "families" / "data"
CASES = {case.name: case for case in all_cases()}
DECODERS = [name for name, case in CASES.items() if case.kind == "decoder"]
ENCODERS = [name for name, case in CASES.items() if case.kind == "encoder"]
CLASSIFIERS = [name for name, case in CASES.items() if case.kind == "classifier"]

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class FamilyOracle:
    """What transformers computes for a case: see tests/oracles/families/expected.py."""

    case: Case
    path: Path
    arrays: Mapping[str, NDArray[Any]]

    @property
    def token_ids(self) -> Ids:
        return self.arrays["token_ids"]

    @property
    def prompts(self) -> list[list[int]]:
        return [self.arrays[f"prompt.{index}"].tolist() for index in range(len(self.case.prompt_lengths))]

    @property
    def continuations(self) -> list[list[int]]:
        return [self.arrays[f"greedy.{index}"].tolist() for index in range(len(self.case.prompt_lengths))]

    def relative_difference(self, logits: NDArray[np.float32]) -> float:
        """max |difference| / max |logit| over the oracle's rows."""
        expected = self.arrays["logits"]
        return float(np.abs(logits[self.arrays["rows"]] - expected).max() / np.abs(expected).max())


def family_oracle(name: str) -> FamilyOracle:
    with np.load(DATA / name / "expected.npz") as stored:
        return FamilyOracle(CASES[name], DATA / name, {key: stored[key] for key in stored.files})


@contextmanager
def family_engine(path: Path, kv_dtype: str) -> Iterator[Engine]:
    """An engine that takes and gives token ids: the tiny models have no tokenizers."""
    checkpoint = open_checkpoint(path)
    backend = CpuBackend(build_graph(checkpoint), checkpoint.tensors, threads=1, n_blocks=32, kv_dtype=kv_dtype)
    config = EngineConfig(checkpoint.context_length, backend.max_batched_tokens, max_running=16, max_queued=16)
    with closing(Engine(backend, NativeSampler(backend.pool), config, None)) as engine:
        yield engine


def greedy(engine: Engine, prompts: list[list[int]], n_new: int) -> list[list[int]]:
    """The continuation of each prompt, all in one batch."""
    params = SamplingParams(temperature=0.0)
    requests = [Request(prompt, params, len(prompt) + n_new) for prompt in prompts]
    engine.run(requests)
    return [request.token_ids[request.n_prompt :] for request in requests]


def beams(engine: Engine, prompt: list[int], n_beams: int, n_new: int) -> list[list[int]]:
    """The texts of a beam search, best first."""
    params = SamplingParams(temperature=0.0, num_beams=n_beams)
    requests = [Request(prompt, params, len(prompt) + n_new, choice=choice) for choice in range(n_beams)]
    BeamGroup(requests)
    engine.run(requests[:1])
    return [request.token_ids[request.n_prompt :] for request in requests]


def changed_folder(path: Path, to: Path, **fields: Any) -> Path:
    """A case's model with other fields in its config.json, in the folder `to`."""
    config = json.loads((path / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(config | fields))
    (to / "model.safetensors").symlink_to(path / "model.safetensors")
    return to
