"""A summary by transformers or by CTranslate2, for a Python that has torch and transformers, or ctranslate2.

usage: python summaries_side.py transformers|ctranslate2 FOLDER THREADS N_PROMPT REPEATS

The folder is transformers', or what `ct2-transformers-converter --quantization int8` makes of it, with the same
generation_config.json beside it. Prints {"value": seconds of a summary, "tokens": of the last one}, the median of the
repeats.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Summarise = Callable[["list[int]"], "list[int]"]


def transformers_side(folder: str, threads: int) -> Summarise:
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()

    def summarise(ids: list[int]) -> list[int]:
        with torch.inference_mode():
            return model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)))[0, 1:].tolist()

    return summarise


def ctranslate2_side(folder: str, threads: int) -> Summarise:
    import ctranslate2

    model = ctranslate2.Translator(folder, device="cpu", intra_threads=threads, inter_threads=1)
    settings: dict[str, Any] = json.loads((Path(folder) / "generation_config.json").read_text())
    tokens = json.loads((Path(folder) / "shared_vocabulary.json").read_text())
    numbers = {token: number for number, token in enumerate(tokens)}

    def summarise(ids: list[int]) -> list[int]:
        (result,) = model.translate_batch(
            [[tokens[i] for i in ids]],
            target_prefix=[[tokens[settings["forced_bos_token_id"]]]],
            beam_size=settings["num_beams"],
            length_penalty=settings["length_penalty"],
            no_repeat_ngram_size=settings["no_repeat_ngram_size"],
            min_decoding_length=settings["min_length"] - 2,
            max_decoding_length=settings["max_length"] - 2,
        )
        return [numbers[token] for token in result.hypotheses[0]]

    return summarise


def main() -> None:
    kind, folder, threads, n_prompt, repeats = sys.argv[1:]
    summarise = {"transformers": transformers_side, "ctranslate2": ctranslate2_side}[kind](folder, int(threads))
    seconds, tokens = [], list[int]()
    for number in range(int(repeats) + 1):
        prompt = [(7 * i + 131 * number) % 40000 + 100 for i in range(int(n_prompt))]
        start = time.perf_counter()
        tokens = summarise(prompt)
        seconds.append(time.perf_counter() - start)
    sys.stdout.write(json.dumps({"value": statistics.median(seconds[1:]), "tokens": tokens}) + "\n")


if __name__ == "__main__":
    main()
