"""benchmarks/make_random_llama.py: its files are models that run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos import LLM, SamplingParams

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "make_random_llama.py"
SIZES = ["--layers", "8", "--width", "256", "--hidden", "256", "--heads", "4", "--kv-heads", "2", "--vocab", "301"]


@pytest.mark.parametrize(
    ("options", "formats"),
    [
        (["--type", "q4_0"], {"Q4_0", "Q6_K", "F32"}),
        (["--type", "q8_0", "--tied"], {"Q8_0", "F32"}),
        (["--type", "q4_k_m"], {"Q4_K", "Q6_K", "F32"}),
    ],
)
def test_it_writes_a_model_that_runs(tmp_path: Path, options: list[str], formats: set[str]) -> None:
    file = tmp_path / "random.gguf"
    subprocess.run([sys.executable, str(PROGRAM), str(file), *options, *SIZES], check=True, capture_output=True)
    with LLM(file, threads=1) as llm:
        assert llm.info.weight_formats.keys() == formats
        assert llm.detokenize(llm.tokenize("é !", add_special=False)) == "é !"
        assert len(llm.generate("é !", SamplingParams(temperature=0, max_tokens=4, ignore_eos=True)).token_ids) == 4
