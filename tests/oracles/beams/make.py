"""Tiny random Llama models that end their texts often, and transformers' beam search on them.

    python make.py [--out .]

Each NAME.gguf comes with NAME.json: a list of cases {prompt, settings (SamplingParams' names; ends: whether eos tokens
end a text), answers: [{token_ids, score}]}, best first. A case is kept where float64 gives the same sequences, so that
none hangs on rounding. Needs torch, transformers and gguf.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import gguf_to_transformers as convert
import make_tiny

MODELS = {
    "peaked": {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1},
    "flat": {"hidden_size": 24, "intermediate_size": 40, "num_attention_heads": 3, "num_key_value_heads": 3},
}
SHARPNESS = {"peaked": 1.6, "flat": 0.7}
END_BIAS = {"peaked": 3.0, "flat": 4.0}  # added to its logit on average
SMALL = {"vocab_size": 280, "num_hidden_layers": 2, "tie_word_embeddings": False}
END = 2  # what make_tiny's vocabulary has as its eos token
PROMPTS = [[5], [160, 115], [17, 40, 17, 41, 9, 200], list(range(3, 40))]
SETTINGS: list[dict[str, Any]] = [
    *(
        {"num_beams": beams, "length_penalty": penalty, "early_stopping": early}
        for beams, penalty, early in itertools.product((2, 4, 5), (0.5, 1.0, 2.0), (False, True, "never"))
    ),
    {"num_beams": 3, "length_penalty": 0.0, "early_stopping": "never"},
    {"num_beams": 3, "length_penalty": -1.0},
    {"num_beams": 3, "length_penalty": -1.0, "early_stopping": "never"},
    {"num_beams": 5, "length_penalty": -1.0, "early_stopping": "never"},
    {"num_beams": 4, "no_repeat_ngram_size": 1},
    {"num_beams": 4, "no_repeat_ngram_size": 2},
    {"num_beams": 2, "no_repeat_ngram_size": 3, "length_penalty": 2.0},
    {"num_beams": 4, "min_length": 12},
    {"num_beams": 5, "min_length": 48, "no_repeat_ngram_size": 2},
    {"num_beams": 4, "min_tokens": 6, "early_stopping": True},
    {"num_beams": 4, "repetition_penalty": 1.3},
    {"num_beams": 4, "ends": False},
    {"num_beams": 4, "stop_token_ids": [7, 30]},
    {"num_beams": 1, "no_repeat_ngram_size": 2},
    {"num_beams": 1, "min_length": 15},
]
NAMES = {"min_tokens": "min_new_tokens"}
N_NEW = 20


def build(name: str, rng: np.random.Generator) -> tuple[torch.nn.Module, make_tiny.Tiny]:
    """A model whose logits are spread by SHARPNESS, with an eos token that END_BIAS makes likely."""
    tiny = make_tiny.Tiny("llama", make_tiny.LEGACY | SMALL | MODELS[name], "F32")
    model = make_tiny.build(tiny, rng)
    width = tiny.config["hidden_size"]
    with torch.no_grad():
        # What all embeddings have in common stays in the hidden states, and the head turns it into a constant.
        model.model.embed_tokens.weight += torch.from_numpy(rng.standard_normal(width).astype(np.float32))
        ids = torch.from_numpy(rng.integers(0, tiny.config["vocab_size"], (1, 200)))
        common = model.model(ids).last_hidden_state.mean(dim=1)[0]
        model.lm_head.weight *= SHARPNESS[name]
        model.lm_head.weight[END] += END_BIAS[name] * common / common.square().sum()
    return model, tiny


@torch.no_grad()
def search(model: torch.nn.Module, prompt: list[int], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The beams that transformers returns, best first; with one beam its greedy text."""
    known = {NAMES.get(key, key): value for key, value in settings.items() if key not in ("ends", "stop_token_ids")}
    ends = [END] * settings.get("ends", True) + settings.get("stop_token_ids", [])
    beams = settings["num_beams"]
    found = model.generate(
        torch.tensor([prompt]),
        **known,
        do_sample=False,
        num_return_sequences=beams,
        max_new_tokens=N_NEW,
        eos_token_id=ends or None,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    answers = []
    for index, sequence in enumerate(found.sequences.tolist()):
        generated = sequence[len(prompt) :]
        last = next((at + 1 for at, token in enumerate(generated) if token in ends), len(generated))
        score = float(found.sequences_scores[index]) if beams > 1 else None
        answers.append({"token_ids": generated[:last], "score": score})
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out: Path = parser.parse_args().out
    torch.set_num_threads(1)  # more only wait for each other at these sizes
    for seed, name in enumerate(MODELS):
        rng = np.random.default_rng(seed)
        model, tiny = build(name, rng)
        path = out / f"{name}.gguf"
        make_tiny.write_gguf(model, tiny, path, rng)
        single, double = convert.load(path), convert.load(path).double()
        cases, n_left_out, n_ended = [], 0, 0
        for prompt, settings in itertools.product(PROMPTS, SETTINGS):
            answers, exact = search(single, prompt, settings), search(double, prompt, settings)
            if [answer["token_ids"] for answer in answers] != [answer["token_ids"] for answer in exact]:
                n_left_out += 1
                continue
            n_ended += any(len(answer["token_ids"]) < N_NEW for answer in answers)
            cases.append({"prompt": prompt, "settings": settings, "answers": answers})
        lines = ",\n".join(json.dumps(case) for case in cases)
        path.with_suffix(".json").write_text(f"[\n{lines}\n]\n")
        print(f"{name}: {len(cases)} cases, {n_ended} with texts that end, {n_left_out} left out")


if __name__ == "__main__":
    main()
