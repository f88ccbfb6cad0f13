"""LoRA adapters for tiny models as PEFT saves them, and what PEFT and transformers compute with them.

    python -m tests.oracles.lora.make [--out FOLDER] [NAME ...]

Needs torch, transformers and peft; run it in the root of the repository. expected.npz holds, float32:
of decoders token_ids [n], rows [r], logits [r, vocab]; of encoder-decoders encoder_ids and decoder_ids besides; of
encoders ids and their mean [1, width]; of classifiers ids and their logits [1, n_labels].
"""

from __future__ import annotations

import argparse
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from peft import LoraConfig, get_peft_model
from tests.oracles.families.cases import all_cases
from tests.oracles.families.expected import DECODER_ROWS, N_DECODER_TOKENS, N_TOKENS, ROWS, Arrays, logits, vectors
from tests.oracles.families.make import DATA as MODELS
from tests.oracles.families.make import load

from .case import CASES, AdapterCase

DATA = Path(__file__).with_name("data")
BASES = {case.name: case for case in all_cases()}
OLDER_FIELDS = (
    "base_model_name_or_path",
    "bias",
    "fan_in_fan_out",
    "inference_mode",
    "lora_alpha",
    "lora_dropout",
    "modules_to_save",
    "peft_type",
    "r",
    "target_modules",
    "task_type",
)


def adapted(case: AdapterCase) -> Any:
    """The base with the adapter, whose factors are drawn so that it changes the logits a good deal."""
    base = load(BASES[case.base], MODELS / case.base)
    config = LoraConfig(**{"lora_alpha": 8, **case.config})
    is_encoder = BASES[case.base].kind == "encoder"
    model = get_peft_model(getattr(base, "bert", base) if is_encoder else base, config)
    for name, parameter in model.named_parameters():
        if "lora_" in name or "modules_to_save" in name:
            rng = np.random.default_rng([zlib.crc32(case.name.encode()), zlib.crc32(name.encode())])
            values = torch.from_numpy(rng.standard_normal(tuple(parameter.shape)).astype(np.float32))
            with torch.no_grad():
                if "magnitude_vector" in name or parameter.ndim == 1:
                    parameter *= 1 + 0.3 * values
                elif "modules_to_save" in name:
                    parameter += 0.5 * values / parameter.shape[1] ** 0.5
                else:
                    parameter.copy_(values / parameter.shape[1] ** 0.5)
    return model.eval()


def save(case: AdapterCase, model: Any, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()
    file = folder / "adapter_config.json"
    fields = json.loads(file.read_text()) | {"base_model_name_or_path": case.base}
    if isinstance(fields["target_modules"], list):
        fields["target_modules"].sort()
    if case.is_older:
        fields = {name: fields[name] for name in OLDER_FIELDS}
    file.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n")


@torch.no_grad()
def expected(case: AdapterCase, model: Any) -> Arrays:
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    ids = rng.integers(2, model.config.vocab_size, N_TOKENS)
    kind = BASES[case.base].kind
    if kind == "encoder":
        return {"ids": ids.astype(np.int32), "mean": vectors(model, ids.astype(np.int32), None)["mean"]}
    if kind == "classifier":
        return {"ids": ids.astype(np.int32), "logits": vectors(model, ids.astype(np.int32), None)["logits"]}
    if kind == "decoder":
        return {"token_ids": ids.astype(np.int32), "rows": ROWS, "logits": logits(model, ids)[ROWS]}
    answer = rng.integers(2, model.config.vocab_size, N_DECODER_TOKENS)
    answer[0] = model.config.decoder_start_token_id
    given = {"input_ids": torch.from_numpy(ids)[None], "decoder_input_ids": torch.from_numpy(answer)[None]}
    found = model(**given).logits[0].numpy()[DECODER_ROWS]
    return {
        "encoder_ids": ids.astype(np.int32),
        "decoder_ids": answer.astype(np.int32),
        "rows": DECODER_ROWS,
        "logits": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    cases = {case.name: case for case in CASES}
    for name in arguments.names or cases:
        case, folder = cases[name], arguments.out / name
        model = adapted(case)
        save(case, model, folder)
        made = expected(case, model)
        np.savez_compressed(folder / "expected.npz", **made)
        result = made.get("logits", made.get("mean"))
        with model.disable_adapter():
            base = expected(case, model)
        change = np.abs(result - base.get("logits", base.get("mean"))).max() / np.abs(result).max()
        n_bytes = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {n_bytes / 1000:.0f} kB, changes results by up to {change:.2f}", flush=True)


if __name__ == "__main__":
    main()
