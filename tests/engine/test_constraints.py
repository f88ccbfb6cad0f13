"""Masks and what becomes of requests under them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from llmagentos._core.runtime import ThreadPool
from llmagentos.engine.constraints import Constraint, ConstraintTokenizer
from llmagentos.engine.free_text import FreeText
from llmagentos.engine.mask_worker import MaskWorker
from llmagentos.engine.request import Request
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.sampling_params import SamplingParams

from .engines import alone, assert_idle, engine_on, request_for
from .fake_backend import FakeBackend
from .fake_tokenizer import SPECIAL, FakeTokenizer

END_IDS = (257, 259)
TOKENIZER = ConstraintTokenizer(FakeTokenizer())
CALL = 'start: TEXT | spelled "!"\nspelled[lazy]: TEXT "<call>"\nTEXT: /(?s:.*)/'
BARE_CALL = (
    'start: TEXT | call | spelled call\ncall: "{" /[0-9]+/ "}"\nspelled[lazy]: SPACE "<call>"\n'
    r"TEXT: /\s*([^\s{](?s:.*))?/"
    "\nSPACE: /\\s*/"
)


def constraint_for(grammar: str, end_ids: tuple[int, ...] = END_IDS, free_text: FreeText | None = None) -> Constraint:
    return TOKENIZER.constraint(grammar, free_text).copy(end_ids)


def allowed(constraint: Constraint) -> set[int]:
    bits = np.unpackbits(constraint.mask().view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def constrained(grammar: str, n_new: int = 8, end_ids: tuple[int, ...] = END_IDS, **params: int) -> Request:
    sampling = SamplingParams(temperature=1.0, seed=params.pop("seed", 1), **params)
    return Request([1, 2], sampling, 2 + n_new, end_ids=frozenset(end_ids), constraint=constraint_for(grammar, end_ids))


def test_every_end_token_is_allowed_exactly_where_the_grammar_can_end() -> None:
    constraint = constraint_for('start: "a" "b"?')
    assert allowed(constraint) == {ord("a")}
    assert not constraint.can_end
    assert constraint.accept(ord("a"))
    assert allowed(constraint) == {ord("b"), *END_IDS}
    assert constraint.can_end
    assert not constraint.is_complete
    assert constraint.accept(ord("b"))
    assert constraint.is_complete
    assert allowed(constraint) == set(END_IDS)


def test_other_special_tokens_are_never_allowed() -> None:
    assert allowed(constraint_for("start: /(?s:.*)/")).isdisjoint(set(SPECIAL) - set(END_IDS))


def test_without_end_tokens_only_the_grammar_ends() -> None:
    constraint = constraint_for('start: "a"?', end_ids=())
    assert allowed(constraint) == {ord("a")}
    assert constraint.can_end


def test_a_token_that_is_not_allowed_is_refused_for_good() -> None:
    constraint = constraint_for('start: "ab"')
    assert not constraint.accept(ord("x"))
    assert isinstance(constraint.error, LLMAgentOSError)
    assert not constraint.accept(ord("a"))
    assert not constraint_for('start: "ab"').accept(END_IDS[0])


def test_copies_go_their_own_ways() -> None:
    first = constraint_for('start: "ab" | "cd"')
    second = first.copy(END_IDS)
    assert first.accept(ord("a"))
    assert second.accept(ord("c"))
    assert (allowed(first), allowed(second)) == ({ord("b")}, {ord("d")})
    assert allowed(constraint_for('start: "ab" | "cd"')) == {ord("a"), ord("c")}


def test_tokens_can_be_taken_back() -> None:
    constraint = constraint_for('start: "abc"')
    for byte in b"ab":
        constraint.accept(byte)
    constraint.rollback(1)
    assert allowed(constraint) == {ord("b")}
    constraint.rollback(0)
    assert constraint.accept(ord("b"))
    assert constraint.accept(ord("c"))
    assert constraint.is_complete


def warmed(grammar: str, free_text: FreeText) -> ConstraintTokenizer:
    """A tokenizer of its own that knows the mask of the grammar's plain text."""
    tokenizer = ConstraintTokenizer(FakeTokenizer())
    constraint = tokenizer.constraint(grammar, free_text).copy(END_IDS)
    for byte in b"plain":
        constraint.mask()
        assert constraint.accept(byte)
    assert constraint._plain_masks
    return tokenizer


@pytest.mark.parametrize(
    ("grammar", "free_text", "text"),
    [
        (CALL, FreeText("<call>"), "hello <ca <call>!"),
        (CALL, FreeText("<call>"), "<call>!"),
        (CALL, FreeText("<call>"), "aé<<call>!"),
        (CALL, FreeText("<call>"), " \n日本 <call"),
        (BARE_CALL, FreeText("<call>", "{"), "{1}"),
        (BARE_CALL, FreeText("<call>", "{"), " <call>{22}"),
        (BARE_CALL, FreeText("<call>", "{"), "<call>{3}"),
        (BARE_CALL, FreeText("<call>", "{"), "a {x <call> é"),
    ],
)
def test_a_mask_kept_for_plain_text_is_the_one_that_would_be_computed(
    grammar: str, free_text: FreeText, text: str
) -> None:
    kept = warmed(grammar, free_text.copy()).constraint(grammar).copy(END_IDS)
    computed = ConstraintTokenizer(FakeTokenizer()).constraint(grammar).copy(END_IDS)
    for byte in text.encode():
        assert allowed(kept) == allowed(computed)
        assert kept.accept(byte)
        assert computed.accept(byte)
    assert allowed(kept) == allowed(computed)


def test_a_grammar_that_does_not_compile_is_the_callers_error() -> None:
    with pytest.raises(InvalidRequestError, match="nothing"):
        TOKENIZER.constraint("start: nothing")
    assert "nothing" in TOKENIZER.error_of("start: nothing")
    assert TOKENIZER.error_of('start: "a"') == ""


def test_special_tokens_are_found_by_their_spelling() -> None:
    assert TOKENIZER.special_id("<|im_start|>") == 258
    assert TOKENIZER.special_id("<|im") is None
    assert TOKENIZER.special_id("a") is None


def test_a_request_ends_when_nothing_may_follow_without_an_end_token() -> None:
    request = constrained('start: "xyz"')
    engine = engine_on(FakeBackend())
    engine.run([request])
    assert bytes(request.token_ids[2:]) == b"xyz"
    assert request.finish_reason == "stop"
    assert_idle(engine)


def test_a_request_out_of_tokens_ends_short() -> None:
    request = constrained("start: /[a-z]{20}/", n_new=5)
    engine_on(FakeBackend()).run([request])
    assert request.finish_reason == "length"
    assert request.constraint is not None
    assert not request.constraint.can_end


def test_completions_of_a_prompt_have_constraints_of_their_own() -> None:
    requests = [constrained("start: /[a-z]{3}/", seed=seed) for seed in range(4)]
    requests[0].followers = requests[1:]
    engine_on(FakeBackend()).run(requests)
    texts = {bytes(request.token_ids[2:]).decode() for request in requests}
    assert len(texts) > 1
    assert all(len(text) == 3 and text.isalpha() for text in texts)


def test_a_constrained_request_changes_nothing_for_those_beside_it() -> None:
    requests = [request_for([1, 2], 6), constrained('start: "xyz"'), request_for([3], 4)]
    engine_on(FakeBackend()).run(requests)
    assert requests[0].token_ids == alone([1, 2], 6)
    assert requests[2].token_ids == alone([3], 4)


def test_pre_emption_does_not_lose_the_place_in_the_grammar() -> None:
    grammar = "start: /[a-z]{70}/"
    calm, pressed = ([constrained(grammar, 80, seed=seed) for seed in range(4)] for _ in range(2))
    engine_on(FakeBackend()).run(calm)
    engine = engine_on(FakeBackend(n_blocks=8), context_length=128)
    engine.run(pressed)
    assert engine.stats().n_preemptions > 0
    assert [request.token_ids for request in pressed] == [request.token_ids for request in calm]


def test_a_grammar_with_no_way_on_fails_its_own_request_alone() -> None:
    # Strings of nothing but a character that grammars leave out: after the letter nothing may follow.
    stuck = constrained('start: /[ab]/ %json {"const": "\\u0001", "x-guidance": {"json_allowed_escapes": "n"}}')
    fine = request_for([1, 2], 6)
    engine = engine_on(FakeBackend())
    engine.start([fine])
    with pytest.raises(LLMAgentOSError, match="cannot go on"):
        engine.run([stuck])
    engine.run([request_for([5], 1)])
    for _ in range(100):
        if fine.finished:
            break
        threading.Event().wait(0.02)
    assert fine.token_ids == alone([1, 2], 6)


@pytest.fixture
def watched() -> tuple[Constraint, list[str]]:
    """A constraint, and the threads that computed its masks."""
    constraint, threads = constraint_for('start: "a"'), list[str]()
    original = constraint.mask

    def mask() -> np.ndarray:
        threads.append(threading.current_thread().name)
        return original()

    constraint.mask = mask  # type: ignore[method-assign]
    return constraint, threads


def test_masks_are_there_when_the_body_ends_and_computed_beside_it(watched: tuple[Constraint, list[str]]) -> None:
    constraint, threads = watched
    worker = MaskWorker(None)
    with worker.computing([constraint]):
        pass
    assert constraint.allowed[ord("a") // 32] == 1 << ord("a") % 32
    assert threads == ["llmagentos-masks_0"]
    with pytest.raises(ZeroDivisionError), worker.computing([constraint]):
        raise ZeroDivisionError
    assert len(threads) == 2
    n_threads = threading.active_count()
    with MaskWorker(None).computing([]):
        assert threading.active_count() == n_threads


def test_no_thread_is_added_to_those_that_have_all_cpus(watched: tuple[Constraint, list[str]]) -> None:
    constraint, threads = watched
    with MaskWorker(ThreadPool()).computing([constraint]):
        assert threads == [threading.current_thread().name]
