"""Tiny random models of every family as transformers saves them, and what transformers computes with them.

    python -m tests.oracles.families.make [--out FOLDER] [NAME ...]

Without names, all cases of cases/ are made anew. Needs torch and transformers; run it in the root of the repository.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from .case import Case
from .cases import all_cases
from .expected import EXPECTED
from .weights import spread

DATA = Path(__file__).with_name("data")


def save(case: Case, folder: Path) -> None:
    """The model's folder, without expected results."""
    torch.manual_seed(0)  # what vectors begin as, which their values are about, may be random
    config = getattr(transformers, case.config_class)(**case.config)
    model = getattr(transformers, case.model_class)(config)
    spread(model, case.name)
    shutil.rmtree(folder, ignore_errors=True)
    model.to(getattr(torch, case.dtype)).save_pretrained(folder)
    file = folder / "config.json"
    fields = json.loads(file.read_text()) | dict(case.json)
    file.write_text(json.dumps({k: v for k, v in fields.items() if v is not None or k not in case.json}, indent=1))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if case.generation:
        (folder / "generation_config.json").write_text(json.dumps(dict(case.generation)))


def load(case: Case, folder: Path) -> Any:
    """The model in float32, on the weights that the file has after rounding; of one that sees pictures what continues
    texts."""
    model = getattr(transformers, case.model_class).from_pretrained(
        folder, dtype=torch.float32, attn_implementation=case.attention, experts_implementation="eager"
    )
    return getattr(model, "language_model", model).eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # more only wait for each other at these sizes
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    cases = {case.name: case for case in all_cases()}
    for name in arguments.names or cases:
        case, folder = cases[name], arguments.out / name
        save(case, folder)
        made = EXPECTED[case.kind](load(case, folder), case)
        np.savez_compressed(folder / "expected.npz", **made)
        n_bytes = sum(file.stat().st_size for file in folder.iterdir())
        largest = max(np.abs(values).max() for values in made.values() if values.dtype == np.float32)
        print(f"{name}: {n_bytes / 1000:.0f} kB, max |result| {largest:.2f}", flush=True)


if __name__ == "__main__":
    main()
