"""Vectors of texts, and what is made of them: embeddings, rankings, classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmagentos.calls.adapters import Adapters
from llmagentos.calls.prompts import BINARY, Prompt, PromptEncoder, check_positive, check_text, is_token_ids
from llmagentos.engine.encoder import Encoder, TokenText
from llmagentos.errors import ContextLengthError, InvalidRequestError, shown
from llmagentos.formats.tokenizer import PairEncoder, Tokenizer

if TYPE_CHECKING:
    from llmagentos.models.pooling import VectorSettings

Pair: TypeAlias = "tuple[str, str]"
Vectors: TypeAlias = NDArray[np.float32]
Progress: TypeAlias = Callable[[int, int], object] | None  # called with the tokens that are done, and all
# Names that models give the prompts of a search's two sides, the usual one first.
_QUERY, _DOCUMENT = ("query", "search_query"), ("document", "passage", "search_document")


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """One document of a ranking.

    Attributes:
        index: its place in the list that was given.
        score: how well it answers the query; higher is better. Of a cross-encoder what its files say, as a rule
            from 0 to 1; of an embedding model the cosine, from -1 to 1.
        document: the text.
    """

    index: int
    score: float
    document: str


@dataclass(frozen=True, slots=True)
class Classification:
    """What a classifier says of one text.

    Attributes:
        label: the likeliest one.
        score: of that label.
        scores: of all labels, best first. They add up to one, unless several labels may hold at once or the model's
            outputs are no probabilities.
    """

    label: str
    score: float
    scores: dict[str, float]


class TextEncoder:
    """Turns texts into vectors for one model. Safe to use from several threads.

    Args:
        encoder: runs the model; closed with this.
        adapters: those that calls may choose.
        tokenizer: the model's.
        settings: what its files say of texts and vectors.
        is_classifier: whether vectors are a classifier's outputs rather than embeddings.
        max_length: tokens of a text at most.
        name: of the model, for messages.
    """

    def __init__(
        self,
        encoder: Encoder,
        adapters: Adapters,
        tokenizer: Tokenizer,
        settings: VectorSettings,
        *,
        is_classifier: bool,
        max_length: int,
        name: str,
    ) -> None:
        self.tokenizer = tokenizer
        self.prompts = PromptEncoder(tokenizer, None, name)
        self._encoder = encoder
        self.adapters = adapters
        self._settings = settings
        self._is_classifier = is_classifier
        self.max_length = max_length
        self._name = name

    def embed(
        self,
        texts: Any,
        prompt_name: str | None,
        normalize: bool | None,
        truncate: bool,
        adapter: str | None,
        progress: Progress = None,
    ) -> tuple[Vectors, int]:
        """The embeddings of one text or of several, and the tokens that the model read: see `LLM.embed`."""
        self.check_open()
        if self._is_classifier:
            raise InvalidRequestError(
                f"{self._name} is a classifier, it makes no embeddings; use classify() or rerank()"
            )
        prompt = self._prompt(prompt_name)
        number = self.adapters.number_of(adapter)
        return self._embedded(_listed(texts)[1], prompt, normalize, truncate, number, progress)

    def rerank(
        self, query: str, documents: Sequence[str], top_n: int | None, truncate: bool, adapter: str | None
    ) -> tuple[list[RankedDocument], int]:
        """Documents by how well they answer a query, and the tokens that the model read: see `LLM.rerank`."""
        self.check_open()
        check_text(query)
        check_positive("top_n", top_n)
        if isinstance(documents, (str, *BINARY)) or not isinstance(documents, Sequence):
            raise InvalidRequestError(f"documents must be a list of texts, not {type(documents).__name__}")
        for document in documents:
            check_text(document)
        number = self.adapters.number_of(adapter)
        if not documents:
            return [], 0
        scores, n_tokens = self._relevance(query, documents, truncate, number)
        order = np.argsort(-scores, kind="stable")[:top_n]
        return [RankedDocument(int(i), float(scores[i]), documents[i]) for i in order], n_tokens

    def classify(self, texts: Any, truncate: bool, adapter: str | None) -> Any:
        """The classes of one text or of several: see `LLM.classify`."""
        self.check_open()
        if not self._is_classifier:
            raise InvalidRequestError(f"{self._name} makes embeddings and has no classes; use embed()")
        is_single, items = (True, [texts]) if _is_pair(texts) else _listed(texts)
        number = self.adapters.number_of(adapter)
        scores = self._scores(self._run(items, lambda text: self._encoded(text, truncate), number)[0])
        labels = self._settings.labels or tuple(f"LABEL_{i}" for i in range(scores.shape[1]))
        if len(labels) != scores.shape[1]:
            raise InvalidRequestError(f"{self._name} names {len(labels)} labels for {scores.shape[1]} outputs")
        results = [_classification(labels, row) for row in scores]
        return results[0] if is_single else results

    def check_open(self) -> None:
        """Raises LLMAgentOSError after close()."""
        self._encoder.check_open()

    def close(self) -> None:
        """Give all memory back."""
        self._encoder.close()

    def _prompt(self, name: str | None) -> str:
        prompts = self._settings.prompts
        name = self._settings.default_prompt if name is None else name
        if name is None:
            return ""
        if name not in prompts:
            known = f"these are: {', '.join(prompts)}" if prompts else "it has none"
            raise InvalidRequestError(f"{self._name} has no prompt {shown(name)}; {known}")
        return prompts[name]

    def _embedded(
        self,
        texts: Sequence[Any],
        prompt: str,
        normalize: bool | None,
        truncate: bool,
        adapter: int | None,
        progress: Progress = None,
    ) -> tuple[Vectors, int]:
        def encoded(text: Any) -> TokenText:
            return self._encoded(prompt + text if isinstance(text, str) else text, truncate)

        vectors, n_tokens = self._run(texts, encoded, adapter, progress)
        if normalize is None and self._settings.normalize:
            vectors = _scaled(vectors)  # in this order: what is left of a vector may be shorter
        vectors = vectors[:, : self._settings.n_dims]
        return _scaled(vectors) if normalize else vectors, n_tokens

    def _relevance(
        self, query: str, documents: Sequence[str], truncate: bool, adapter: int | None
    ) -> tuple[Vectors, int]:
        """A score for each document, and the tokens of all."""
        if not self._is_classifier:
            asked, n_asked = self._embedded([query], self._first_prompt(_QUERY), True, truncate, adapter)
            found, n_found = self._embedded(documents, self._first_prompt(_DOCUMENT), True, truncate, adapter)
            return found @ asked[0], n_asked + n_found
        pairs = [(query, document) for document in documents]
        vectors, n_tokens = self._run(pairs, lambda pair: self._encoded(pair, truncate), adapter)
        if vectors.shape[1] != 1:
            raise InvalidRequestError(
                f"{self._name} sorts texts into {vectors.shape[1]} classes and does not rank them; use classify()"
            )
        return self._scores(vectors)[:, 0], n_tokens

    def _first_prompt(self, names: Sequence[str]) -> str:
        return self._prompt(next((name for name in names if name in self._settings.prompts), None))

    def _scores(self, outputs: Vectors) -> Vectors:
        kind = self._settings.scores or ("sigmoid" if outputs.shape[1] == 1 else "softmax")
        if kind == "none":
            return outputs
        if kind == "sigmoid":
            likelihoods: Vectors = np.float32(1) / (1 + np.exp(-outputs))
            return likelihoods
        weights: Vectors = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    def _run(
        self, texts: Sequence[Any], encoded: Callable[[Any], TokenText], adapter: int | None, progress: Progress = None
    ) -> tuple[Vectors, int]:
        """The vectors of all texts, and their tokens; what is wrong with one says which."""
        made = []
        for index, text in enumerate(texts):
            try:
                made.append(encoded(text))
            except InvalidRequestError as error:
                error.args = (f"text {index}: {error}",)
                raise
        return self._encoder.run(made, adapter, progress), sum(len(text.token_ids) for text in made)

    def _encoded(self, text: Any, truncate: bool) -> TokenText:
        if _is_pair(text):
            return self._encoded_pair(text[0], text[1], truncate)
        is_text = isinstance(text, str)
        ids = self.prompts.encode(text.lower() if is_text and self._settings.lowercase else text)
        if not ids:
            raise InvalidRequestError("it is empty: it must have at least one token")
        if len(ids) > self.max_length:
            self._check_truncates(len(ids), truncate)
            closing = self._n_closing(text) if is_text else 0
            ids = ids[: self.max_length - closing] + ids[len(ids) - closing :]
        return TokenText(ids)

    def _encoded_pair(self, first: str, second: str, truncate: bool) -> TokenText:
        if not isinstance(self.tokenizer, PairEncoder):
            raise InvalidRequestError(f"{self._name} has no tokenizer that takes two texts together")
        ids, types = self.tokenizer.encode_pair(first, second)
        if len(ids) > self.max_length:
            self._check_truncates(len(ids), truncate)
            kept = self._kept_of_pair(ids, first, second)
            ids, types = [ids[i] for i in kept], [types[i] for i in kept]
        return TokenText(ids, types if any(types) else ())

    def _check_truncates(self, n_tokens: int, truncate: bool) -> None:
        if truncate:
            return
        raise ContextLengthError(
            f"it has {n_tokens} tokens, {n_tokens - self.max_length} more than the {self.max_length} that "
            f"{self._name} takes: shorten it, or give truncate=True to leave its end out",
            n_tokens,
            self.max_length,
        )

    def _n_closing(self, text: str) -> int:
        """How many tokens the model wants behind a text."""
        ids, body = self.tokenizer.encode(text), self.tokenizer.encode(text, add_special=False)
        return len(ids) - _place_of(body, ids) - len(body)

    def _kept_of_pair(self, ids: Sequence[int], first: str, second: str) -> list[int]:
        """Which ids stay of a pair that is too long: the longer text gives up its end, or both down to one length."""
        bodies = [self.tokenizer.encode(text, add_special=False) for text in (first, second)]
        begins = [_place_of(bodies[0], ids)]
        begins.append(_place_of(bodies[1], ids, begins[0] + len(bodies[0])))
        room = self.max_length - (len(ids) - len(bodies[0]) - len(bodies[1]))
        lengths = sorted((len(body), side) for side, body in enumerate(bodies))
        shorter = min(lengths[0][0], room // 2)
        left = {lengths[0][1]: shorter, lengths[1][1]: room - shorter}
        dropped = set[int]()
        for side, (begin, body) in enumerate(zip(begins, bodies, strict=True)):
            dropped.update(range(begin + left[side], begin + len(body)))
        return [i for i in range(len(ids)) if i not in dropped]


def _scaled(vectors: Vectors) -> Vectors:
    """To length one."""
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def _place_of(part: Sequence[int], ids: Sequence[int], begin: int = 0) -> int:
    """Where the part begins in the ids."""
    n = len(part)
    found = next((i for i in range(begin, len(ids) - n + 1) if list(ids[i : i + n]) == list(part)), None)
    if found is None:
        raise InvalidRequestError("its tokens change with what is around it, so that it cannot be truncated")
    return found


def _is_pair(texts: object) -> bool:
    return isinstance(texts, tuple) and len(texts) == 2 and all(isinstance(text, str) for text in texts)


def _listed(texts: Any) -> tuple[bool, Sequence[Prompt | Pair]]:
    """Whether this is a single text, and the texts as a list."""
    if isinstance(texts, str) or is_token_ids(texts):
        return True, [texts]
    if isinstance(texts, np.ndarray) and texts.ndim == 2:
        return False, list(texts)
    if not isinstance(texts, Sequence):
        raise InvalidRequestError(
            f"texts must be a string, a list of token ids, or a list of texts, not {type(texts).__name__}"
        )
    return False, texts


def _classification(labels: Sequence[str], scores: Vectors) -> Classification:
    order = np.argsort(-scores, kind="stable")
    best = {labels[i]: float(scores[i]) for i in order}
    label, score = next(iter(best.items()))
    return Classification(label, score, best)
