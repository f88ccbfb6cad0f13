"""Where a game stands: kept in a file, so that characters remember from one day to the next."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError
from world import World


class Memory(BaseModel):
    """What a character remembers of the player.

    Attributes:
        met: how often they have greeted.
        mood: below 0 it bears a grudge, above 0 it is a friend.
        told: topics that it has talked about.
        said: small talk that it has made.
        heard: the player's last words to it.
        beaten, won: games that the player, and the character, won.
        gossip: of whose defeats it has spoken.
    """

    met: int = 0
    mood: int = 0
    told: list[str] = Field(default_factory=list)
    said: list[str] = Field(default_factory=list)
    heard: list[str] = Field(default_factory=list)
    beaten: int = 0
    won: int = 0
    gossip: list[str] = Field(default_factory=list)


class State(BaseModel):
    """Where a game stands.

    Attributes:
        things: where each thing is: a place, or "player"; one that is nowhere was given away.
        flags: what has happened.
        n_turns: commands so far.
    """

    place: str
    things: dict[str, str]
    memories: dict[str, Memory]
    flags: list[str] = Field(default_factory=list)
    n_turns: int = 0
    is_won: bool = False


def new_state(world: World) -> State:
    """The beginning."""
    return State(
        place=world.start,
        things={thing: id for id, place in world.places.items() for thing in place.things},
        memories={id: Memory() for id in world.characters},
    )


def load(path: Path, world: World) -> State:
    """Where the game of a file stands; the beginning where there is no file.

    Raises:
        ValueError: the file is no game of this world.
    """
    if not path.exists():
        return new_state(world)
    try:
        state = State.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ValueError(f"{path} is no saved game: {error}") from None
    if state.place not in world.places or set(state.memories) != set(world.characters):
        raise ValueError(f"{path} is a game of another world")
    return state


def save(path: Path, state: State) -> None:
    """Keeps a game; the file is whole at any time."""
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(state.model_dump_json(indent=1), encoding="utf-8")
    temporary.replace(path)
