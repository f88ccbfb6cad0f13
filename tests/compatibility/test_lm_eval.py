"""lm-eval: what it measures through the server is what the model says in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from llmagentos import LLM, SamplingParams

from .conftest import CHAT, Served


@contextmanager
def offline() -> Iterator[None]:
    """Some of it is asked when lm-eval is imported, some when it runs."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
            environment.setenv(name, "1")
        yield


with offline():
    lm_eval = pytest.importorskip("lm_eval", reason="lm-eval is not installed")
pytest.importorskip("aiohttp", reason="lm-eval[api] is not installed")
pytestmark = pytest.mark.compatibility

QUESTIONS = [
    {"question": "The capital of France is", "choices": ["Paris", "Rome", "Berlin"], "answer": 0},
    {"question": "Water is made of hydrogen and", "choices": ["gold", "oxygen", "iron"], "answer": 1},
    {"question": "The sun rises in the", "choices": ["north", "west", "east"], "answer": 2},
    {"question": "Ein Jahr hat zwölf", "choices": ["Monate", "Wochen", "Tage"], "answer": 0},
]


@pytest.fixture(scope="module", autouse=True)
def _offline() -> Iterator[None]:
    with offline():
        yield


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all tasks have in common: their file."""
    path = tmp_path_factory.mktemp("tasks") / "questions.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS), encoding="utf-8")
    data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(path)}}, "test_split": "test"}
    return {**data, "doc_to_text": "{{question}}"}


@pytest.fixture(scope="module")
def tiny(served: Served) -> Any:
    with LLM(served.tiny, threads=1) as llm:
        yield llm


@pytest.fixture(scope="module")
def smol() -> Any:
    with LLM(CHAT) as llm:
        yield llm


def evaluated(kind: str, task: dict[str, Any], arguments: dict[str, Any], **options: Any) -> Any:
    """Metrics and samples of one task."""
    settings: Any = {"bootstrap_iters": 0, "log_samples": True, **options}
    found = lm_eval.simple_evaluate(model=kind, model_args=arguments, tasks=[task], **settings)
    return found["results"][task["task"]], found["samples"][task["task"]]


def score(llm: LLM, context: list[int], continuation: list[int]) -> float:
    """Log probability of the continuation, summed as lm-eval does."""
    return sum(float(value) for value in llm.score(context + continuation)[len(context) - 1 :])


def same(value: float) -> Any:
    """`score` rounds each log probability to float32, the server does not."""
    return pytest.approx(value, rel=2**-23, abs=0)


def choices(questions: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": "choices",
        "output_type": "multiple_choice",
        **questions,
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc"}],
    }


def check_choices(llm: LLM, results: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    hits = []
    for sample in samples:
        document = sample["doc"]
        context = llm.tokenize(document["question"], add_special=False)
        ours = []
        for choice in document["choices"]:
            whole = llm.tokenize(f"{document['question']} {choice}", add_special=False)
            ours.append(score(llm, context, whole[len(context) :]))
        assert [float(value[0][0]) for value in sample["resps"]] == [same(value) for value in ours]
        hits.append(ours.index(max(ours)) == document["answer"])
    assert len(samples) == len(QUESTIONS)
    assert results["acc,none"] == sum(hits) / len(hits)


@pytest.mark.parametrize(("num_concurrent", "batch_size"), [(1, 1), (4, 1), (1, 4)])
def test_choices_with_a_tokenizer_of_transformers(
    served: Served, questions: dict[str, Any], tiny: LLM, num_concurrent: int, batch_size: int
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    arguments = {
        "model": "tiny",
        "base_url": f"{served.url}/completions",
        "tokenizer_backend": "huggingface",
        "tokenizer": str(served.tiny),
        "num_concurrent": num_concurrent,
    }
    check_choices(tiny, *evaluated("local-completions", choices(questions), arguments, batch_size=batch_size))


@pytest.fixture
def by_the_server(served: Served) -> dict[str, Any]:
    """The default model, whose tokens the server knows."""
    url = f"{served.url}/completions"
    return {"model": CHAT, "base_url": url, "tokenizer_backend": "remote", "num_concurrent": 4}


def test_choices_with_the_servers_tokenizer(
    served: Served, questions: dict[str, Any], smol: LLM, by_the_server: dict[str, Any]
) -> None:
    results, samples = evaluated("local-completions", choices(questions), by_the_server)
    check_choices(smol, results, samples)
    assert results["acc,none"] >= 0.5


def test_perplexity(questions: dict[str, Any], smol: LLM, by_the_server: dict[str, Any]) -> None:
    task = {"task": "perplexity", "output_type": "loglikelihood_rolling", **questions, "doc_to_text": ""}
    task |= {"doc_to_target": "{{question}}", "metric_list": [{"metric": "bits_per_byte"}]}
    _, samples = evaluated("local-completions", task, by_the_server)
    begin = smol.tokenize(smol.tokenizer_info.bos_token or "", add_special=False)
    for sample in samples:
        ids = smol.tokenize(sample["doc"]["question"], add_special=False)
        found = sample["resps"][0][0]
        assert float(found[0] if isinstance(found, (list, tuple)) else found) == same(score(smol, begin, ids))


def generated(questions: dict[str, Any], until: list[str]) -> dict[str, Any]:
    return {
        "task": "generated",
        "output_type": "generate_until",
        **questions,
        "doc_to_target": "{{choices[answer]}}",
        "generation_kwargs": {"until": until, "max_gen_toks": 8, "do_sample": False, "temperature": 0.0},
        "metric_list": [{"metric": "exact_match"}],
    }


def test_generation(questions: dict[str, Any], smol: LLM, by_the_server: dict[str, Any]) -> None:
    _, samples = evaluated("local-completions", generated(questions, ["."]), by_the_server)
    params = SamplingParams(temperature=0, max_tokens=8, stop=".", seed=1234)
    for sample in samples:
        ids = smol.tokenize(sample["doc"]["question"], add_special=False)
        assert sample["resps"][0][0] == smol.generate(ids, params).text


def test_chats(served: Served, questions: dict[str, Any], smol: LLM) -> None:
    arguments = {"model": CHAT, "base_url": f"{served.url}/chat/completions", "num_concurrent": 4}
    task = generated(questions, ["."])
    _, samples = evaluated("local-chat-completions", task, arguments, apply_chat_template=True)
    params = SamplingParams(temperature=0, max_tokens=8, stop=".", seed=1234)
    for sample in samples:
        answer = smol.chat([{"role": "user", "content": sample["doc"]["question"]}], params)
        assert sample["resps"][0][0] == answer.text
