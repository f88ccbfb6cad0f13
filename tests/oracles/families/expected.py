"""What transformers computes for a case, in float32 and eager attention, on the weights in its folder."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from .case import Case

Arrays = dict[str, NDArray[Any]]
Ids = list[int]

N_TOKENS = 90
ROWS = np.array([*range(0, 90, 5), 31, 32, 33, 63, 64, 89])  # among them both sides of each block of the KV cache
N_GREEDY, N_BEAM_TOKENS, N_BEAMS = 16, 10, 3
N_DECODER_TOKENS = 70
DECODER_ROWS = np.array([0, 1, 2, 9, 30, 31, 32, 33, 50, 63, 64, 69])
MAX_TRIES = 40


def decoder(model: Any, case: Case) -> Arrays:
    """Of a model that continues a text.

    token_ids [n], rows [r], logits [r, vocab]; prompt.I and greedy.I, its continuation; beams [N_BEAMS, N_BEAM_TOKENS],
    best first, of the last prompt. Prompts are drawn until float64, and weights that are disturbed a little, give the
    same continuations, so that none hangs on rounding.
    """
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    vocab = model.config.get_text_config().vocab_size
    ids = rng.integers(0, vocab, N_TOKENS)
    made: Arrays = {"token_ids": ids.astype(np.int32), "rows": ROWS, "logits": logits(model, ids)[ROWS]}
    others = [copy.deepcopy(model).double(), disturbed(model)]
    for index, length in enumerate(case.prompt_lengths):
        is_last = index == len(case.prompt_lengths) - 1
        for _ in range(MAX_TRIES):
            prompt = rng.integers(0, vocab, length).tolist()
            greedy = steady(model, others, lambda one, prompt=prompt: continuation(one, prompt))
            beams = steady(model, others, lambda one, prompt=prompt: search(one, prompt)) if is_last and greedy else []
            if greedy and (beams or not is_last):
                break
        else:
            raise RuntimeError(f"{case.name}: rounding decides every continuation of {length} tokens")
        made[f"prompt.{index}"] = np.array(prompt, np.int32)
        made[f"greedy.{index}"] = np.array(greedy[0], np.int32)
        if is_last:
            made["beams"] = np.array(beams, np.int32)
    return made


def encoder_decoder(model: Any, case: Case) -> Arrays:
    """Of a model that reads one text and writes another.

    encoder_ids [N_TOKENS], decoder_ids [n], rows [r], logits [r, vocab] of the decoder; prompt.I, which the encoder
    reads, greedy.I, what follows the decoder's first token without end, and answer.I, what generation_config.json makes
    of it: its tokens after the decoder's first one, up to the end token. Prompts are drawn as for decoders.
    """
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    # M2M100 counts positions without padding, which no caller of ours gives.
    drawn = np.delete(np.arange(model.config.vocab_size), model.config.pad_token_id)
    ids, decoder_ids = rng.choice(drawn, N_TOKENS), rng.choice(drawn, N_DECODER_TOKENS)
    with torch.no_grad():
        found = model(input_ids=torch.from_numpy(ids)[None], decoder_input_ids=torch.from_numpy(decoder_ids)[None])
    made: Arrays = {
        "encoder_ids": ids.astype(np.int32),
        "decoder_ids": decoder_ids.astype(np.int32),
        "rows": DECODER_ROWS,
        "logits": found.logits[0].float().numpy()[DECODER_ROWS],
    }
    others = [copy.deepcopy(model).double(), disturbed(model)]
    for index, length in enumerate(case.prompt_lengths):
        for _ in range(MAX_TRIES):
            prompt = rng.choice(drawn, length).tolist()
            greedy = steady(model, others, lambda one, prompt=prompt: unended(one, prompt))
            answer = steady(model, others, lambda one, prompt=prompt: answer_of(one, prompt)) if greedy else []
            if greedy and answer:
                break
        else:
            raise RuntimeError(f"{case.name}: rounding decides every answer to {length} tokens")
        made[f"prompt.{index}"] = np.array(prompt, np.int32)
        made[f"greedy.{index}"] = np.array(greedy[0], np.int32)
        made[f"answer.{index}"] = np.array(answer[0], np.int32)
    return made


def encoder(model: Any, case: Case) -> Arrays:
    """Of a model that makes vectors of texts, or sorts them into classes.

    ids.I and types.I of each text; of an encoder the rows of the last hidden state by which a text is pooled, mean, cls
    and last [n_texts, width]; of a classifier its logits [n_texts, n_labels].
    """
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    vocab, has_types = model.config.vocab_size, getattr(model.config, "type_vocab_size", 1) > 1
    base = getattr(model, model.base_model_prefix, model)
    made: Arrays = {}
    found = list[dict[str, NDArray[np.float32]]]()
    for index, length in enumerate(case.text_lengths):
        # RoBERTa counts positions by which ids are no padding.
        ids = rng.integers(2, vocab, length).astype(np.int32)
        types = np.where(np.arange(length) < (length + 1) // 2, 0, 1 if has_types else 0).astype(np.int32)
        made |= {f"ids.{index}": ids, f"types.{index}": types}
        found.append(vectors(model if case.kind == "classifier" else base, ids, types if has_types else None))
    return made | {name: np.concatenate([one[name] for one in found]) for name in found[0]}


EXPECTED: dict[str, Callable[[Any, Case], Arrays]] = {
    "decoder": decoder,
    "encoder_decoder": encoder_decoder,
    "encoder": encoder,
    "classifier": encoder,
}


@torch.no_grad()
def vectors(model: Any, ids: NDArray[np.int32], types: NDArray[np.int32] | None) -> dict[str, NDArray[np.float32]]:
    given = {"input_ids": torch.from_numpy(ids.astype(np.int64))[None]}
    if types is not None:
        given["token_type_ids"] = torch.from_numpy(types.astype(np.int64))[None]
    made = model(**given)
    if "logits" in made:
        return {"logits": made.logits.numpy()}
    rows = made.last_hidden_state[0].numpy()
    return {"mean": rows.mean(0, keepdims=True), "cls": rows[:1], "last": rows[-1:]}


@torch.no_grad()
def logits(model: Any, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = model(torch.from_numpy(ids)[None], use_cache=False).logits[0].float().numpy()
    return result


def disturbed(model: Any) -> Any:
    """A copy whose weights are off by about one part in a thousand, as half precision is at worst."""
    other = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter *= 1 + 1e-3 * torch.randn(parameter.shape, generator=generator)
    return other


def steady(model: Any, others: Sequence[Any], answer: Callable[[Any], list[Ids]]) -> list[Ids]:
    """The answer that all of them give; nothing where one differs."""
    given = answer(model)
    return given if all(answer(other) == given for other in others) else []


def continuation(model: Any, prompt: Ids) -> list[Ids]:
    return _generated(model, prompt, max_new_tokens=N_GREEDY)


def search(model: Any, prompt: Ids) -> list[Ids]:
    return _generated(model, prompt, max_new_tokens=N_BEAM_TOKENS, num_beams=N_BEAMS, num_return_sequences=N_BEAMS)


@torch.no_grad()
def _generated(model: Any, prompt: Ids, **settings: Any) -> list[Ids]:
    model.generation_config.eos_token_id = None
    sequences = model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False, pad_token_id=0, **settings
    )
    found: list[Ids] = sequences[:, len(prompt) :].tolist()
    return found


@torch.no_grad()
def unended(model: Any, prompt: Ids) -> list[Ids]:
    """The likeliest tokens one by one, whatever generation_config.json says but for the first token."""
    plain = transformers.GenerationConfig(
        decoder_start_token_id=model.generation_config.decoder_start_token_id, pad_token_id=0, max_new_tokens=N_GREEDY
    )
    own, model.generation_config = model.generation_config, plain  # given as an argument it would be filled up from it
    sequences = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)))
    model.generation_config = own
    return [sequences[0, 1:].tolist()]


@torch.no_grad()
def answer_of(model: Any, prompt: Ids) -> list[Ids]:
    found: Ids = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)))[0, 1:].tolist()
    end = model.generation_config.eos_token_id
    return [found[: found.index(end) + 1] if end in found else found]
