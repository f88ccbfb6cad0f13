"""What characters say: by what they know and remember, and, where they have nothing to say, by a model in their manner."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

from state import Memory, State
from world import Character, World

from llmagentos import SamplingParams
from llmagentos.tools.words import words

MAX_HEARD = 5  # of the player's last words that a character remembers
INSULTS = frozenset("stupid idiot fool ugly hate liar thief dumb witch damn shut silly disgusting".split())  # noqa: SIM905
# One sentence or two, without what ends or nests a quotation.
_LINE = r"[A-Z][a-z]+( [A-Za-z]+,?){3,16}[.!?]"


class Speaker(Protocol):
    """What speaks: an `LLM` that generates texts."""

    def generate(self, prompts: Any, params: Any = ..., *, response_format: Any = ...) -> Any: ...


class Voices:
    """The characters of a world, speaking.

    Args:
        speaker: a model for what nobody wrote down; None: they then say one of their set lines.
    """

    def __init__(self, world: World, speaker: Speaker | None = None) -> None:
        self._world, self._speaker = world, speaker
        # What the plot turns on is for the world's file to say, and not for a model to make up.
        self._plot = {
            *world.things, *world.characters, *world.places,
            *(topic for character in world.characters.values() for topic in character.topics),
        }  # fmt: skip

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
        return self._made_up(character, memory, text, state.n_turns)

    def _about(self, topic: str, character: Character, memory: Memory) -> str:
        if topic in memory.told:
            return f"'As I told you,' says {character.name}. {character.topics[topic]}"
        memory.told.append(topic)
        return character.topics[topic]

    def _made_up(self, character: Character, memory: Memory, text: str, seed: int) -> str:
        fallback = random.Random(seed).choice(character.deflect)  # noqa: S311 (a game's luck)
        if self._speaker is None:
            return fallback
        params = SamplingParams(temperature=0.7, top_p=0.9, max_tokens=40, seed=seed)
        form = {"type": "regex", "regex": _LINE}
        completion = self._speaker.generate(_prompt(character, memory, text), params, response_format=form)
        line = completion.text.strip()
        is_plot = not self._plot.isdisjoint(words(line))
        return fallback if completion.parsed is None or is_plot else f"'{line}'"


def _prompt(character: Character, memory: Memory, text: str) -> str:
    lines = [character.hello, *character.topics.values()]
    mood = "likes the visitor" if memory.mood > 0 else "does not know the visitor well"
    spoken = "\n".join(f"{character.name}: {_quoted(line)}" for line in _first(lines, 5))
    return f"{character.persona}. {character.name} {mood}.\n\n{spoken}\nVisitor: {text}\n{character.name}: "


def _quoted(line: str) -> str:
    """What is said in a line, without who says it."""
    return " ".join(part.strip() for part in line.split("'")[1::2])


def _first(lines: Sequence[str], n: int) -> list[str]:
    return [line for line in lines if "'" in line][:n]
