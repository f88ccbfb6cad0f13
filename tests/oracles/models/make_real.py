"""The oracle of a real model: transformers in float32 on its GGUF file's dequantised weights.

    python make_real.py MODEL.gguf --tokens TOKENS.npz --folder FOLDER [--out NAME.npz]

TOKENS.npz comes from `peer_llamacpp.py tokenize`. FOLDER receives what the full comparison needs (reference.py);
NAME.npz is the compact oracle kept in the repository. Needs torch, transformers and gguf.

The text is cut into windows of 2,048 tokens (longer than Gemma's sliding window of 512), each starting with the
beginning-of-sequence token where the model adds one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf_to_transformers
import numpy as np
import torch
from divergence import top_two
from numpy.typing import NDArray
from reference import Reference

N_WINDOWS = 4
WINDOW = 2048
N_SAMPLES = 64
FIRST_ROWS = 640  # half of the samples lie here: enough to pass Gemma's window, few enough for the plain suite
N_TOP = 256
N_GREEDY = 64
ROWS = 128


def cut_windows(text: NDArray[np.int32], bos: int | None) -> NDArray[np.int32]:
    """Ids [N_WINDOWS, WINDOW] from the start of the text (which has its own BOS first, where there is one)."""
    body = text if bos is None else text[1:]
    fresh = WINDOW if bos is None else WINDOW - 1
    pieces = [body[i * fresh : (i + 1) * fresh] for i in range(N_WINDOWS)]
    if bos is not None:
        pieces = [np.concatenate([[np.int32(bos)], piece]) for piece in pieces]
    if any(len(piece) != WINDOW for piece in pieces):
        raise SystemExit(f"the text has {len(text)} tokens, {N_WINDOWS * fresh + 1} are needed")
    return np.stack(pieces).astype(np.int32)


@torch.no_grad()
def hidden_states(model: torch.nn.Module, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """The final normalised hidden states [n, width]."""
    batch = torch.from_numpy(ids.astype(np.int64))[None]
    states: NDArray[np.float32] = model.model(batch, use_cache=False).last_hidden_state[0].numpy()
    return states


def write_folder(model: torch.nn.Module, windows: NDArray[np.int32], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    hidden = np.stack([hidden_states(model, ids) for ids in windows])
    head: NDArray[np.float32] = model.lm_head.weight.detach().numpy()
    # The recomputed product must be what the model itself returns.
    few = torch.from_numpy(windows[0, :700].astype(np.int64))[None]
    with torch.no_grad():
        own = model(few, use_cache=False).logits[0, -8:].numpy()
    np.testing.assert_allclose(hidden[0, 692:700] @ head.T, own, atol=2e-5 * np.abs(own).max(), rtol=0)
    np.save(folder / "hidden.npy", hidden)
    np.save(folder / "head.npy", head)
    np.save(folder / "token_ids.npy", windows)


def summarise(reference: Reference) -> dict[str, NDArray[np.generic]]:
    """What is kept of every position, and the top logits of N_SAMPLES of them."""
    shape = reference.token_ids.shape
    argmax = np.zeros(shape, np.int32)
    margin, logsumexp, next_logprob = (np.zeros(shape, np.float32) for _ in range(3))
    early = np.linspace(0, FIRST_ROWS - 1, N_SAMPLES // 2)
    late = np.linspace(FIRST_ROWS, shape[0] * shape[1] - 1, N_SAMPLES - N_SAMPLES // 2)
    samples = np.concatenate([early, late]).astype(np.int64)
    top_ids = np.zeros((N_SAMPLES, N_TOP), np.int32)
    top_logits = np.zeros((N_SAMPLES, N_TOP), np.float32)
    for window in range(shape[0]):
        for first in range(0, shape[1], ROWS):
            last = min(first + ROWS, shape[1])
            logits = reference.logits(window, first, last)
            best, lead = top_two(logits)
            argmax[window, first:last], margin[window, first:last] = best, lead
            peak = logits.max(axis=-1).astype(np.float64)
            total = np.exp(logits - peak[:, None].astype(np.float32)).sum(axis=-1, dtype=np.float64)
            logsumexp[window, first:last] = peak + np.log(total)
            following = reference.next_ids(window, first, last)
            chosen = logits[np.arange(last - first), following]
            next_logprob[window, first:last] = np.where(following >= 0, chosen - logsumexp[window, first:last], 0)
            for i in np.flatnonzero((samples >= window * shape[1] + first) & (samples < window * shape[1] + last)):
                row = logits[samples[i] - window * shape[1] - first]
                order = np.argsort(-row, kind="stable")[:N_TOP]
                top_ids[i], top_logits[i] = order, row[order]
    return {
        "token_ids": reference.token_ids,
        "argmax": argmax,
        "margin": margin,
        "logsumexp": logsumexp,
        "next_logprob": next_logprob,
        "sample_positions": np.stack([samples // shape[1], samples % shape[1]], axis=1).astype(np.int32),
        "top_ids": top_ids,
        "top_logits": top_logits,
    }


@torch.no_grad()
def continue_greedily(model: torch.nn.Module, prompt: NDArray[np.int32]) -> NDArray[np.int32]:
    """The prompt followed by N_GREEDY argmax tokens; end-of-sequence tokens do not stop it."""
    ids = torch.from_numpy(prompt.astype(np.int64))[None]
    step, cache = ids, None
    for _ in range(N_GREEDY):
        result = model(step, past_key_values=cache, use_cache=True)
        step, cache = result.logits[:, -1:].argmax(-1), result.past_key_values
        ids = torch.cat([ids, step], dim=1)
    return ids[0].numpy().astype(np.int32)


@torch.no_grad()
def greedy(model: torch.nn.Module, prompts: list[NDArray[np.int32]]) -> dict[str, NDArray[np.generic]]:
    """Each prompt's whole sequence, and the argmax and margin at each of its generated positions (in one pass)."""
    arrays: dict[str, NDArray[np.generic]] = {"prompt_lengths": np.array([len(prompt) for prompt in prompts], np.int32)}
    argmax, margins = [], []
    for i, prompt in enumerate(prompts):
        ids = continue_greedily(model, prompt)
        logits = model(torch.from_numpy(ids.astype(np.int64))[None], use_cache=False).logits[0].numpy()
        best, margin = top_two(logits[len(prompt) - 1 : -1])
        arrays[f"greedy_ids{i}"] = ids
        argmax.append(best.astype(np.int32))
        margins.append(margin)
    return arrays | {"greedy_argmax": np.stack(argmax), "greedy_margin": np.stack(margins)}


def build(gguf_path: Path, tokens: Path | None, folder: Path, out: Path | None, compact: Path | None = None) -> None:
    """Writes the folder, and the compact oracle where `out` is given. Token ids come from `tokens`, or from an
    earlier compact oracle."""
    model = gguf_to_transformers.load(gguf_path)
    if tokens is None:
        if compact is None:
            raise SystemExit("token ids are needed: --tokens, or --compact with an earlier oracle")
        write_folder(model, np.load(compact)["token_ids"], folder)
        return
    stored = np.load(tokens)
    bos = int(stored["bos"]) if int(stored["bos"]) >= 0 else None
    write_folder(model, cut_windows(stored["text"], bos), folder)
    if out is not None:
        prompts = [stored[f"prompt{i}"] for i in range(int(stored["n_prompts"]))]
        np.savez_compressed(out, **summarise(Reference(folder)), **greedy(model, prompts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=Path)
    parser.add_argument("--compact", type=Path, help="an existing oracle: only rewrite the folder, for its ids")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    build(arguments.model, arguments.tokens, arguments.folder, arguments.out, arguments.compact)


if __name__ == "__main__":
    main()
