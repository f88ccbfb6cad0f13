"""Embeddings, rankings and classes through the public class, on tiny encoders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from llmagentos import LLM, ContextLengthError, InvalidRequestError, LLMAgentOSError, UnsupportedModelError
from llmagentos.engine.row_pooling import POOLS
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import decoded
from llmagentos.models import open_checkpoint
from llmagentos.models.pooling import MODE_OF_FLAG
from llmagentos.quantization.gguf_file import quantized

from .encoder_folders import CLS, DATA, SEP, encoder_folder
from .hf_folders import write_llama, write_safetensors

SENTENCE = ("Transformer", "Pooling", "Normalize")
TEXTS = ["The cat sits on the mat.", "What?", "Bread is baked in the oven", "", "a dog runs"]
EMBEDDED: Any = [
    ("bread", None),
    ("bread", "query"),
    (["a", "a dog"], None),
    ("a dog " * 9, None),
    ([[2, 5, 6, 3]], "query"),
]
Vectors = NDArray[np.float32]


def expected(case: str, key: str) -> tuple[list[list[int]], Vectors]:
    """A case's texts as ids, of those that have one token type, and their rows of an oracle."""
    with np.load(DATA / case / "expected.npz") as stored:
        numbers = [
            i for i in range(sum(name.startswith("ids.") for name in stored.files)) if not stored[f"types.{i}"].any()
        ]
        return [stored[f"ids.{i}"].tolist() for i in numbers], stored[key][numbers]


def normalized(vectors: Vectors) -> Vectors:
    result: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


@pytest.mark.parametrize(
    ("case", "rows"), [("roberta-plain", "mean"), ("modernbert-plain", "cls"), ("mpnet-plain", "last")]
)
def test_embeddings_of_ids_are_those_of_transformers(case: str, rows: str, tmp_path: Path) -> None:
    mode = {"mean": "mean_tokens", "cls": "cls_token", "last": "lasttoken"}[rows]
    pooling = {f"pooling_mode_{mode}": True, "pooling_mode_max_tokens": False}
    folder = encoder_folder(tmp_path, case, modules=SENTENCE, pooling=pooling, tokenizer=False)
    ids, vectors = expected(case, rows)
    with LLM(folder, threads=1) as llm:
        found = llm.embed(ids)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, normalized(vectors), atol=1e-5)
        np.testing.assert_allclose(llm.embed(ids, normalize=False), vectors, atol=1e-4)


def test_an_embedding_does_not_depend_on_what_is_beside_it(tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path, modules=SENTENCE)
    with LLM(folder, threads=1) as one, LLM(folder, threads=2, max_batched_tokens=7) as other:
        together = one.embed(TEXTS)
        assert together.shape == (len(TEXTS), 32)
        for index, text in enumerate(TEXTS):
            np.testing.assert_array_equal(one.embed(text), together[index : index + 1])
            np.testing.assert_array_equal(one.embed([one.tokenize(text)])[0], together[index])
        np.testing.assert_array_equal(other.embed(TEXTS[::-1]), together[::-1])
        assert one.embed([]).shape == (0, 32)


def test_a_text_that_is_too_long_is_an_error_or_cut_before_its_last_token(tmp_path: Path) -> None:
    with LLM(encoder_folder(tmp_path, modules=SENTENCE, max_length=10), threads=1) as llm:
        assert llm.info.context_length == 10
        with pytest.raises(ContextLengthError, match="text 1: it has 12 tokens, 2 more than the 10") as caught:
            llm.embed(["a cat", "the dog " * 5])
        assert (caught.value.prompt_tokens, caught.value.context_length) == (12, 10)
        ids = llm.tokenize("the dog " * 5)
        assert (ids[0], ids[-1]) == (CLS, SEP)
        cut = llm.embed("the dog " * 5, truncate=True)
        np.testing.assert_array_equal(cut, llm.embed([[*ids[:9], SEP]]))
        np.testing.assert_array_equal(llm.embed([ids], truncate=True), llm.embed([ids[:10]]))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tokenizer_config.json", {"model_max_length": 10}),  # where sentence-transformers 6 keeps it
        ("sentence_distilbert_config.json", {"max_seq_length": 10}),
    ],
)
def test_the_bound_of_a_text_is_found_where_other_versions_keep_it(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    folder = encoder_folder(tmp_path, modules=SENTENCE)
    (folder / name).write_text(json.dumps(settings))
    with LLM(folder, threads=1) as llm:
        assert llm.info.context_length == 10


def test_a_tokenizer_without_a_bound_leaves_it_to_the_model(tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path, modules=SENTENCE)
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30}))
    with LLM(folder, threads=1) as llm:
        assert llm.info.context_length == 128


def test_embeddings_are_cut_to_as_many_elements_as_the_files_say(tmp_path: Path) -> None:
    short = encoder_folder(tmp_path / "short", modules=SENTENCE, settings={"truncate_dim": 8})
    with LLM(short, threads=1) as llm, LLM(encoder_folder(tmp_path / "whole", modules=SENTENCE), threads=1) as other:
        whole = other.embed(TEXTS)
        np.testing.assert_array_equal(llm.embed(TEXTS), whole[:, :8])
        np.testing.assert_allclose(llm.embed(TEXTS, normalize=True), normalized(whole[:, :8]), atol=1e-6)


@pytest.mark.parametrize("function", ["linear.Identity", "activation.Sigmoid"])
def test_a_cross_encoder_may_be_saved_as_a_module(function: str, tmp_path: Path) -> None:
    settings = {"activation_fn": f"torch.nn.modules.{function}", "prompts": {}}
    folder = encoder_folder(tmp_path, "xlm-roberta-rank", modules=("Transformer",), settings=settings, tokenizer=False)
    with LLM(folder, threads=1) as llm, LLM(DATA / "xlm-roberta-rank", threads=1) as plain:
        [found], [usual] = (model.classify([[2, 5, 6, 3]]) for model in (llm, plain))
        score = found.score if function == "activation.Sigmoid" else 1 / (1 + np.exp(-found.score))
        assert score == pytest.approx(usual.score, abs=1e-6)


def test_prompts_are_put_before_texts(tmp_path: Path) -> None:
    settings = {"prompts": {"query": "what is ", "document": ""}, "default_prompt_name": "document"}
    with LLM(encoder_folder(tmp_path, modules=SENTENCE, settings=settings), threads=1) as llm:
        asked = llm.embed("bread", prompt_name="query")
        np.testing.assert_array_equal(asked, llm.embed("what is bread"))
        ranking = llm.rerank("bread", ["bread is baked", "a dog runs"])
        cosines = llm.embed(["bread is baked", "a dog runs"]) @ asked[0]
        assert [found.score for found in ranking] == sorted(cosines.tolist(), reverse=True)
        with pytest.raises(InvalidRequestError, match="no prompt 'passage'; these are: query, document"):
            llm.embed("bread", prompt_name="passage")


def test_vectors_are_as_long_as_the_files_say(tmp_path: Path) -> None:
    without = encoder_folder(tmp_path / "a", modules=SENTENCE[:2])
    plain = encoder_folder(tmp_path / "b")
    with LLM(without, threads=1) as llm, LLM(plain, threads=1) as other:
        lengths = np.linalg.norm(llm.embed(TEXTS), axis=1)
        assert np.abs(lengths - 1).min() > 0.1
        np.testing.assert_allclose(np.linalg.norm(llm.embed(TEXTS, normalize=True), axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(other.embed(TEXTS), axis=1), 1, atol=1e-6)


def test_dense_layers_come_behind_the_pooling(tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path / "dense", modules=("Transformer", "Pooling", "Dense", "Dense"))
    rng = np.random.default_rng(5)
    weights = [rng.normal(0, 0.3, shape).astype(np.float32) for shape in ((48, 32), (16, 48))]
    bias = rng.normal(0, 0.3, 48).astype(np.float32)
    for index, (weight, kind) in enumerate(zip(weights, ("activation.Tanh", "linear.Identity"), strict=True), start=2):
        place = folder / f"{index}_Dense"
        place.mkdir()
        (place / "config.json").write_text(json.dumps({"activation_function": f"torch.nn.modules.{kind}"}))
        write_safetensors(
            place / "model.safetensors", {"linear.weight": weight} | ({"linear.bias": bias} if index == 2 else {})
        )
    with LLM(folder, threads=1) as llm, LLM(encoder_folder(tmp_path / "plain"), threads=1) as plain:
        pooled = plain.embed(TEXTS, normalize=False)
        np.testing.assert_allclose(llm.embed(TEXTS), np.tanh(pooled @ weights[0].T + bias) @ weights[1].T, atol=1e-4)


@pytest.mark.parametrize(
    ("pooling", "modes"),
    [
        ({"pooling_mode_max_tokens": True}, ["max"]),
        ({"pooling_mode": "weightedmean"}, ["weightedmean"]),
        ({"pooling_mode": "mean_sqrt_len_tokens", "include_prompt": True}, ["mean_sqrt_len_tokens"]),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ["cls", "mean"]),  # in this order
        ({"pooling_mode": ["lasttoken", "max"]}, ["lasttoken", "max"]),
    ],
)
@pytest.mark.parametrize("from_gguf", [False, True])
def test_what_no_graph_pools(pooling: dict[str, Any], modes: list[str], from_gguf: bool, tmp_path: Path) -> None:
    """Of a decoder, whose rows are the last ones of the texts up to them."""
    case, texts = "qwen3-without-head", [[5, 9, 3, 7, 2, 8], [4], [6, 1, 6]]
    folder = encoder_folder(
        tmp_path / "all", case, modules=("Transformer", "Pooling"), pooling=pooling, tokenizer=False
    )
    if from_gguf:
        quantized(open_checkpoint(folder), "f32").write(tmp_path / "model.gguf")
    with LLM(DATA / case, threads=1) as llm:
        rows = [llm.embed([text[: i + 1] for i in range(len(text))], normalize=False) for text in texts]
    weights = [np.arange(1, len(text) + 1)[:, None] for text in texts]
    expected = {
        "cls": [of[0] for of in rows],
        "lasttoken": [of[-1] for of in rows],
        "max": [of.max(0) for of in rows],
        "mean": [of.mean(0) for of in rows],
        "mean_sqrt_len_tokens": [of.sum(0) / len(of) ** 0.5 for of in rows],
        "weightedmean": [(w * of).sum(0) / w.sum() for w, of in zip(weights, rows, strict=True)],
    }
    with LLM(tmp_path / "model.gguf" if from_gguf else folder, threads=1) as llm:
        found = llm.embed(texts, normalize=False)
        np.testing.assert_array_equal(found[1], llm.embed(texts[1], normalize=False)[0])
    np.testing.assert_allclose(found, np.concatenate([expected[mode] for mode in modes], axis=1), atol=2e-5)


def test_every_mode_that_is_read_is_made() -> None:
    assert list(MODE_OF_FLAG.values()) == list(POOLS)


def test_dropout_does_nothing(tmp_path: Path) -> None:
    modules = ("Transformer", "Pooling", "Dropout", "Normalize")
    folder = encoder_folder(tmp_path / "dropout", modules=modules)
    with LLM(folder, threads=1) as llm, LLM(encoder_folder(tmp_path / "plain", modules=SENTENCE), threads=1) as plain:
        np.testing.assert_array_equal(llm.embed(TEXTS), plain.embed(TEXTS))


@pytest.mark.parametrize(("case", "scale"), [("llama-plain", 1), ("qwen2-windows", 1), ("granite-multipliers", 1.7)])
def test_a_decoder_embeds_by_its_last_row(case: str, scale: float) -> None:
    with np.load(DATA / case / "expected.npz") as stored:
        ids, rows, logits = stored["token_ids"].tolist(), stored["rows"], stored["logits"]
    tensors = open_checkpoint(DATA / case).tensors
    head = decoded(tensors, "output.weight" if tensors.spec("output.weight") else "token_embd.weight")
    with LLM(DATA / case, task="embed", threads=1) as llm:
        found = llm.embed(ids, normalize=False) @ head.T
        np.testing.assert_allclose(found[0], logits[list(rows).index(len(ids) - 1)] * scale, atol=2e-3)


@pytest.mark.parametrize("case", ["qwen3-without-head", "opt-without-head"])
def test_a_decoder_that_was_saved_without_its_head_embeds(case: str, tmp_path: Path) -> None:
    ids, vectors = expected(case, "last")
    with LLM(DATA / case, threads=1) as llm:
        np.testing.assert_allclose(llm.embed(ids), normalized(vectors), atol=1e-5)
    mean = encoder_folder(tmp_path, case, modules=SENTENCE, tokenizer=False)
    with LLM(mean, threads=1) as llm:
        np.testing.assert_allclose(llm.embed(ids), normalized(expected(case, "mean")[1]), atol=1e-5)
    with pytest.raises(InvalidRequestError, match='task="generate" is not valid'):
        LLM(DATA / case, task="generate")
    quantized(open_checkpoint(DATA / case), "f32").write(tmp_path / "model.gguf")
    with LLM(tmp_path / "model.gguf", threads=1) as llm:
        np.testing.assert_allclose(llm.embed(ids), normalized(vectors), atol=1e-5)


@pytest.mark.parametrize(("case", "prefix"), [("qwen3-without-head", "model."), ("bert-plain", "bert.")])
def test_names_of_tensors_may_have_the_prefix_of_a_class_with_a_head(case: str, prefix: str, tmp_path: Path) -> None:
    source = SafetensorsFile(DATA / case / "model.safetensors")
    tensors = {f"{prefix}{name}": _as_float32(source.array(name)) for name in source.names()}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "config.json").write_text((DATA / case / "config.json").read_text())
    ids, _ = expected(case, "mean")
    with LLM(tmp_path, threads=1) as llm, LLM(DATA / case, threads=1) as plain:
        np.testing.assert_array_equal(llm.embed(ids), plain.embed(ids))


def _as_float32(array: NDArray[Any]) -> Vectors:
    """A tensor's values; bfloat16 comes as uint16."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(array, np.float32)


@pytest.mark.parametrize(
    "case", ["bert-plain", "distilbert-plain", "mpnet-plain", "modernbert-plain", "nomicbert-plain"]
)
def test_an_encoder_is_quantised_at_load(case: str, tmp_path: Path) -> None:
    """A smaller model, and vectors in nearly the same direction, whatever else is in the batch."""
    ids, _ = expected(case, "mean")
    folder = with_calm_attention(case, tmp_path)
    with LLM(folder, threads=1) as plain, LLM(folder, quantize="q8_0", threads=2) as llm:
        cosines = (llm.embed(ids) * plain.embed(ids)).sum(axis=1)
        assert cosines.min() > 0.999
        assert cosines.max() < 1 - 1e-7
        assert "Q8_0" in llm.info.weight_formats
        assert llm.info.n_bytes < 0.7 * plain.info.n_bytes  # positions stay float32, rows of 48 values become float16
        np.testing.assert_array_equal(llm.embed([ids[-1]]), llm.embed(ids)[-1:])


def with_calm_attention(case: str, to: Path) -> Path:
    """A case's model with float32 matrices of half the size.

    In the cases attention picks a few tokens, which makes much of the least difference.
    """
    source = SafetensorsFile(DATA / case / "model.safetensors")
    tensors = {name: _as_float32(source.array(name)) for name in source.names()}
    halved = {
        name: values * (0.5 if values.ndim == 2 and "embed" not in name else 1) for name, values in tensors.items()
    }
    write_safetensors(to / "model.safetensors", {name: values.astype(np.float32) for name, values in halved.items()})
    (to / "config.json").write_text((DATA / case / "config.json").read_text())
    return to


def test_a_classifier_is_quantised_at_load() -> None:
    ids, _ = expected("bert-labels", "logits")
    with LLM(DATA / "bert-labels", threads=1) as plain, LLM(DATA / "bert-labels", quantize="q8_0", threads=1) as llm:
        for mine, theirs in zip(llm.classify(ids), plain.classify(ids), strict=True):
            assert [mine.scores[label] for label in theirs.scores] == pytest.approx([*theirs.scores.values()], abs=0.02)


def test_a_model_that_was_loaded_to_generate_says_how_it_embeds(tmp_path: Path) -> None:
    with (
        LLM(write_llama(tmp_path, 64, None), threads=1) as llm,
        pytest.raises(InvalidRequestError, match='task="embed"'),
    ):
        llm.embed([[1]])


@pytest.mark.parametrize(
    ("case", "scores_of"),
    [
        ("bert-labels", lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        ("roberta-labels", lambda x: 1 / (1 + np.exp(-x))),
        ("xlm-roberta-rank", lambda x: 1 / (1 + np.exp(-x))),
        ("bert-cross", lambda x: x),
    ],
)
def test_classes_are_scored_as_the_configuration_says(case: str, scores_of: Callable[[Vectors], Vectors]) -> None:
    ids, logits = expected(case, "logits")
    scores = scores_of(logits)
    names = ["good", "bad", "neither"] if case.endswith("labels") else ["LABEL_0"]
    with LLM(DATA / case, threads=1) as llm:
        results = llm.classify(ids)
        for result, row in zip(results, scores, strict=True):
            assert list(result.scores.values()) == sorted(result.scores.values(), reverse=True)
            assert (result.label, result.score) == next(iter(result.scores.items()))
            np.testing.assert_allclose([result.scores[name] for name in names], row, atol=1e-4)
        assert llm.classify(ids[0]) == results[0]


def test_a_cross_encoder_reads_query_and_document_together(tmp_path: Path) -> None:
    with LLM(encoder_folder(tmp_path, "bert-cross"), threads=1) as llm:
        documents = ["the cat eats bread", "bread is baked in the oven", "a dog", ""]
        ranking = llm.rerank("where is bread?", documents)
        assert sorted(found.index for found in ranking) == [0, 1, 2, 3]
        assert [found.score for found in ranking] == sorted((found.score for found in ranking), reverse=True)
        assert all(found.document == documents[found.index] for found in ranking)
        assert llm.rerank("where is bread?", documents, top_n=2) == ranking[:2]
        for found in ranking:
            assert llm.classify(("where is bread?", found.document)).score == found.score
        # The types of the tokens tell the texts apart.
        ids = llm.tokenize("where is bread?") + llm.tokenize(ranking[0].document)[1:]
        assert llm.classify(ids).score != ranking[0].score
        assert llm.rerank("where is bread?", []) == []


def test_a_pair_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with LLM(encoder_folder(tmp_path, "bert-cross"), context_length=12, threads=1) as llm:
        with pytest.raises(ContextLengthError, match="text 0: it has 18 tokens, 6 more than the 12"):
            llm.classify(("the cat", "a dog " * 6 + "is"))
        cut = llm.classify(("the cat", "a dog " * 6 + "is"), truncate=True)
        assert cut == llm.classify(("the cat", "a dog " * 3 + "a"))


def test_the_tokens_that_were_read_are_counted(tmp_path: Path) -> None:
    settings = {"prompts": {"query": "what is "}}
    folder = encoder_folder(tmp_path / "texts", modules=SENTENCE, settings=settings, max_length=10)
    with LLM(folder, threads=1) as llm:
        n_tokens = [llm.encoder.embed(texts, name, None, True, None)[1] for texts, name in EMBEDDED]
        assert n_tokens == [3, 5, 3 + 4, 10, 4]
        # The query is read once, with its prompt.
        assert llm.encoder.rerank("bread", ["a dog", "a"], None, False, None)[1] == 5 + 4 + 3
    with LLM(encoder_folder(tmp_path / "pairs", "bert-cross"), context_length=9, threads=1) as llm:
        # With each document once more, and no more than what fits.
        assert llm.encoder.rerank("bread", ["a dog", "a", "a dog " * 9], None, True, None)[1] == 6 + 5 + 9
        assert llm.encoder.rerank("bread", [], None, True, None) == ([], 0)


@pytest.mark.parametrize(
    ("n_first", "n_second"), [(2, 20), (20, 2), (9, 12), (12, 9), (6, 5), (5, 6), (30, 30), (5, 5)]
)
@pytest.mark.parametrize("limit", [12, 13])
def test_pairs_are_cut_as_the_tokenizers_package_cuts_them(
    n_first: int, n_second: int, limit: int, tmp_path: Path
) -> None:
    folder = encoder_folder(tmp_path, "bert-cross")
    rules = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rules.no_padding()
    rules.enable_truncation(limit)
    first, second = " ".join((["the", "cat", "sits"] * 10)[:n_first]), " ".join((["a", "dog"] * 15)[:n_second])
    encoding = rules.encode(first, second)
    with LLM(folder, context_length=limit, threads=1) as llm:
        made = llm.encoder._encoded((first, second), truncate=True)
    assert (list(made.token_ids), list(made.token_types)) == (encoding.ids, encoding.type_ids)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda llm: llm.generate("a"), "generates none; use embed"),
        (lambda llm: llm.chat([{"role": "user", "content": "a"}]), "generates none"),
        (lambda llm: llm.stream("a"), "generates none"),
        (lambda llm: llm.generate_text("a"), "generates none"),
        (lambda llm: llm.score("a"), "generates none"),
        (lambda llm: llm.classify("a"), "has no classes"),
        (lambda llm: llm.embed(["a", []]), "text 1: it is empty"),
        (lambda llm: llm.embed([[1, 999]]), "text 0: token id 999"),
        (lambda llm: llm.embed(3), "texts must be"),
        (lambda llm: llm.embed(["a", 3]), "text 1: a prompt must be"),
        (lambda llm: llm.rerank("a", "b"), "documents must be a list"),
        (lambda llm: llm.rerank("a", ["b"], top_n=0), "top_n=0"),
    ],
)
def test_what_an_embedding_model_cannot_do_is_an_error(
    call: Callable[[LLM], Any], message: str, tmp_path: Path
) -> None:
    with LLM(encoder_folder(tmp_path), threads=1) as llm, pytest.raises(InvalidRequestError, match=message):
        call(llm)


def test_a_classifier_makes_no_embeddings_and_ranks_by_one_score_only(tmp_path: Path) -> None:
    with LLM(encoder_folder(tmp_path, "bert-labels"), threads=1) as llm:
        with pytest.raises(InvalidRequestError, match="makes no embeddings"):
            llm.embed("a")
        with pytest.raises(InvalidRequestError, match="3 classes"):
            llm.rerank("a", ["b"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_running": 4}, "max_running=4 is of no use"),
        ({"draft_model": "smollm2"}, "draft_model='smollm2' is of no use"),
        ({"task": "generate"}, 'task="generate" is not valid'),
        ({"task": "translate"}, "task='translate' is not valid"),
        ({"context_length": 4096}, "trained for at most 128 tokens"),
    ],
)
def test_settings_without_a_meaning_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        LLM(encoder_folder(tmp_path), **options)


@pytest.mark.parametrize(
    ("modules", "pooling", "message"),
    [
        (SENTENCE, {"pooling_mode_median_tokens": True}, "pooling by median_tokens"),
        (SENTENCE, {"pooling_mode": ["max", ["mean"]]}, r"pooling by max and \['mean'\]"),
        (SENTENCE, {"pooling_mode": []}, "pooling by nothing"),
        (SENTENCE, {"pooling_mode_mean_tokens": False}, "pooling by nothing"),
        (("Transformer", "Pooling", "Dense"), {"pooling_mode": "max"}, "pooling by max before Dense"),
        (SENTENCE, {"pooling_mode": "mean", "include_prompt": False}, "include_prompt"),
        (("Transformer", "Pooling", "LSTM"), None, "modules Transformer Pooling LSTM"),
        (("Transformer", "Pooling", "Normalize", "Dense"), None, "modules Transformer Pooling Normalize Dense"),
    ],
)
def test_modules_that_are_not_built_are_refused(
    modules: tuple[str, ...], pooling: dict[str, Any] | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        LLM(encoder_folder(tmp_path, modules=modules, pooling=pooling))


@pytest.mark.parametrize(
    ("modules", "settings", "message"),
    [
        (("Transformer", "Dense"), {}, "modules Transformer Dense"),
        (("Transformer",), {"activation_fn": "torch.nn.modules.activation.ReLU"}, "activation_fn"),
        (("Transformer",), {"prompts": {"query": "ask: "}}, "prompts"),
    ],
)
def test_cross_encoders_that_are_not_built_are_refused(
    modules: tuple[str, ...], settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        LLM(encoder_folder(tmp_path, "bert-cross", modules=modules, settings=settings))


def test_a_closed_model_says_so(tmp_path: Path) -> None:
    llm = LLM(encoder_folder(tmp_path), threads=1)
    llm.close()
    llm.close()
    for call in (lambda: llm.embed("a"), lambda: llm.tokenize("a")):
        with pytest.raises(LLMAgentOSError, match="closed"):
            call()
    assert llm.info.architecture == "bert"
