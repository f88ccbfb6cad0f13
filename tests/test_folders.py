"""Folders as transformers saves them, through the public class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from llmagentos import LLM, SamplingParams
from llmagentos.backends.cpu import CpuBackend
from llmagentos.errors import InvalidRequestError
from llmagentos.models import build_graph, open_checkpoint

from .hf_folders import write_llama
from .mapped_pages import resident_bytes

N_VOCAB = 600  # more rows than the tokenizer has tokens
GREEDY = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True)
CHAT = [{"role": "user", "content": "Hello <|im_end|> there"}]


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    folder = write_llama(tmp_path_factory.mktemp("folder"), N_VOCAB, "byte_level", eos_token_id=1)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 9999], "do_sample": False}))
    with LLM(folder, threads=2) as llm:
        yield llm


@pytest.fixture(scope="module")
def ids_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    with LLM(write_llama(tmp_path_factory.mktemp("folder"), N_VOCAB, None, eos_token_id=7), threads=2) as llm:
        yield llm


def test_texts_and_their_ids_give_the_same_answer(llm: LLM) -> None:
    completion = llm.generate("Hello world", GREEDY)
    assert completion.text == llm.detokenize([id for id in completion.token_ids if id > 3])
    assert llm.generate(llm.tokenize("Hello world"), GREEDY) == completion
    chunks = list(llm.stream("Hello world", GREEDY))
    assert "".join(chunk.text for chunk in chunks) == completion.text


def test_messages_go_through_the_folders_template(llm: LLM) -> None:
    assert llm.has_chat_template
    completion = llm.chat(CHAT, GREEDY)
    start, end = (llm.tokenize(text, add_special=False)[0] for text in ("<|im_start|>", "<|im_end|>"))
    spelled = llm.tokenize("user\nHello <|im_end|> there", add_special=False, parse_special=False)
    newline, assistant = llm.tokenize("\n", add_special=False), llm.tokenize("assistant\n", add_special=False)
    ids = [*llm.tokenize("", add_special=True), start, *spelled, end, *newline, start, *assistant]
    assert completion == llm.generate(ids, GREEDY)


def test_answers_keep_to_a_grammar(llm: LLM) -> None:
    completion = llm.generate("x", SamplingParams(seed=1), response_format={"type": "regex", "regex": "[0-9]{3}-ü+"})
    assert completion.text[:4].replace("-", "").isdigit()


def test_the_configurations_end_tokens_end_an_answer(llm: LLM) -> None:
    end = llm.generate("x", SamplingParams(logit_bias={1: 1e6}))
    assert (end.token_ids, end.finish_reason) == ([1], "stop")
    eos = llm.tokenize("<|im_end|>", add_special=False)[0]
    assert llm.generate("x", SamplingParams(logit_bias={eos: 1e6})).token_ids == [eos]


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"n": 2, "seed": 3}])
def test_rows_without_a_token_are_never_generated(llm: LLM, options: dict[str, int]) -> None:
    bias = dict.fromkeys(range(N_VOCAB - 80, N_VOCAB), 1e6)
    temperature = 0 if "num_beams" in options else 2.0
    params = SamplingParams(temperature=temperature, max_tokens=40, ignore_eos=True, logit_bias=bias, **options)
    results = llm.generate("x", params)
    known = len([id for id in range(N_VOCAB) if llm.detokenize([id])])
    for completion in results if isinstance(results, list) else [results]:
        assert len(completion.token_ids) == 40
        assert max(completion.token_ids) < known


def test_their_logprobs_still_count(llm: LLM) -> None:
    """The distribution is the model's own, as transformers computes it."""
    completion = llm.generate("x", SamplingParams(temperature=0, max_tokens=1, logprobs=N_VOCAB, ignore_eos=True))
    assert completion.logprobs is not None
    top = dict(completion.logprobs[0].top)
    assert len(top) == N_VOCAB
    assert np.exp(list(top.values())).sum() == pytest.approx(1, abs=1e-4)


def test_a_folder_without_a_tokenizer_works_with_ids(ids_only: LLM) -> None:
    completion = ids_only.generate([5, 6, 500], GREEDY)
    assert len(completion.token_ids) == 24
    assert completion.text == ""
    assert [chunk.token_id for chunk in ids_only.stream([5, 6, 500], GREEDY)] == completion.token_ids
    assert ids_only.score([5, 6, 500]).shape == (2,)
    assert ids_only.generate([5], SamplingParams(logit_bias={7: 1e6})).token_ids == [7]


def test_what_needs_text_says_that_there_is_no_tokenizer(ids_only: LLM) -> None:
    calls = [
        lambda: ids_only.generate("text"),
        lambda: ids_only.generate_text("text"),
        lambda: ids_only.generate([5], SamplingParams(stop=["a"])),
        lambda: ids_only.generate([5], response_format={"type": "json_object"}),
        lambda: ids_only.tokenize("text"),
        lambda: ids_only.detokenize([5]),
        lambda: ids_only.score("text"),
    ]
    for call in calls:
        with pytest.raises(InvalidRequestError, match="has no tokenizer"):
            call()
    with pytest.raises(InvalidRequestError, match="chat template"):
        ids_only.chat(CHAT)


def test_packed_weights_are_in_memory_once(tmp_path: Path) -> None:
    """Pages of the file are given back, those of copies as of what is packed as it is."""
    checkpoint = open_checkpoint(write_llama(tmp_path, 20_000, None))
    graph = build_graph(checkpoint)
    backend = CpuBackend(graph, checkpoint.tensors, threads=1, n_blocks=1)
    assert backend.weight_bytes > 10e6
    assert resident_bytes(tmp_path / "model.safetensors") < 1e6
    backend.close()


def test_a_folder_drafts_for_another_of_its_vocabulary(tmp_path: Path, llm: LLM, ids_only: LLM) -> None:
    small = write_llama(tmp_path / "small", N_VOCAB, "byte_level", seed=1)
    large = write_llama(tmp_path / "large", N_VOCAB, "byte_level", eos_token_id=1)
    with LLM(large, draft_model=small, threads=2) as drafted:
        assert drafted.generate("Hello world", GREEDY) == llm.generate("Hello world", GREEDY)
