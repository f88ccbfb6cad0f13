"""What characters say: what they know and remember, and small talk where it is about neither."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from state import Memory, State
from world import Character, World

from llmagentos.tools.words import words

MAX_HEARD = 5  # of the player's last words that a character remembers
INSULTS = frozenset("stupid idiot fool ugly hate liar thief dumb witch damn shut silly disgusting".split())  # noqa: SIM905
# Nats a token that the line which fits best makes the player's words likelier than the lines do on average; below it,
# none of them has to do with what was said.
LEAST_GAIN = 0.35


class Reader(Protocol):
    """What reads: an `LLM` that generates texts."""

    def tokenize(self, text: str, add_special: bool = ..., parse_special: bool = ...) -> list[int]: ...

    def score(self, text: Sequence[int]) -> NDArray[np.float32]: ...


class Voices:
    """The characters of a world, speaking.

    Args:
        reader: a model that chooses what small talk fits the player's words; None leaves it to luck.
    """

    def __init__(self, world: World, reader: Reader | None = None) -> None:
        self._world, self._reader = world, reader

    def greeting(self, id: str, state: State) -> str:
        """What a character says when the player turns to it."""
        character, memory = self._world.characters[id], state.memories[id]
        memory.met += 1
        if memory.mood < 0:
            return character.grudge
        said = [character.hello if memory.met == 1 else character.again]
        for other, theirs in state.memories.items():
            if other != id and theirs.beaten and other not in memory.gossip:
                memory.gossip.append(other)
                said.append(f"'They say that you have beaten {self._world.characters[other].name} at connect four.'")
        if memory.met > 1 and memory.heard:
            said.append(f"'Last time you said: {memory.heard[-1].rstrip('.!?')}. I have thought about it.'")
        return " ".join(said)

    def answer(self, id: str, text: str, state: State) -> str:
        """What a character says to the player's words, which may change what it thinks of the player."""
        character, memory = self._world.characters[id], state.memories[id]
        said = words(text)
        memory.heard = [*memory.heard, text][-MAX_HEARD:]
        if INSULTS & set(said):
            memory.mood = min(memory.mood, 0) - 1
            return character.insulted
        if memory.mood < 0 and not {"sorry", "apologise", "forgive", "apologies"} & set(said):
            return f"{character.grudge} An apology might help."
        if memory.mood < 0:
            memory.mood = 0
            return f"{character.name} nods slowly. 'Forgiven. Not forgotten.'"
        topic = next((topic for topic in character.topics if topic in said), None)
        if memory.mood == 0 and any(f" {like} " in f" {' '.join(said)} " for like in character.likes):
            memory.mood = 1
            return character.friend
        if topic is not None:
            return self._about(topic, character, memory)
        return self._small_talk(character, memory, text, state.n_turns)

    def _about(self, topic: str, character: Character, memory: Memory) -> str:
        if topic in memory.told:
            return f"'As I told you,' says {character.name}. {character.topics[topic]}"
        memory.told.append(topic)
        return character.topics[topic]

    def _small_talk(self, character: Character, memory: Memory, text: str, seed: int) -> str:
        """The line that has most to do with the player's words, of those that were not said yet."""
        *lines, nothing = character.small_talk
        fresh = [line for line in lines if line not in memory.said]
        if not fresh:
            return nothing
        if self._reader is None:
            line = random.Random(seed).choice(fresh)  # noqa: S311 (a game's luck)
        else:
            likelihoods = [self._likelihood(character, one, text) for one in fresh]
            best = int(np.argmax(likelihoods))
            if likelihoods[best] - float(np.mean(likelihoods)) < LEAST_GAIN:
                return nothing
            line = fresh[best]
        memory.said.append(line)
        return line

    def _likelihood(self, character: Character, line: str, text: str) -> float:
        """How likely the player's words are as what the line answers: the mean log probability of their tokens."""
        assert self._reader is not None  # noqa: S101 (asked by the caller)
        before = f"{character.persona}.\n\n{character.name} answered: {line}\nWhat had been asked:"
        tokens = self._reader.tokenize(f" {text}", add_special=False, parse_special=False)
        context = self._reader.tokenize(before, parse_special=False)
        return float(np.mean(self._reader.score([*context, *tokens])[-len(tokens) :]))
