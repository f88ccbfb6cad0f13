"""The world, as its file says it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from connect_four import Style
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Need(_Part):
    """What has to have happened before a place can be entered, and what is said until it has."""

    flag: str
    text: str


class Place(_Part):
    name: str
    text: str
    exits: Mapping[str, str]
    things: tuple[str, ...] = ()
    needs: Need | None = None


class Thing(_Part):
    """A thing; one with an owner can be taken once the owner is a friend, and until then the owner refuses."""

    name: str
    text: str
    owner: str | None = None
    refusal: str = ""


class Character(_Part):
    """What a character is like, and what it says.

    Attributes:
        persona: name and traits, for whoever reads the file and for the model that chooses its small talk.
        style: how it plays.
        hello, again, grudge: as it greets somebody whom it meets, knows, or does not forgive.
        likes: words that make it a friend of who says them, and `friend` what it says then.
        move, wins, loses: what it says in a game.
        small_talk: what it says where nothing else fits; the last is for what it has nothing to say about.
        accepts: things that can be given to it, with what it says.
        gives_flag: what has happened once it was beaten or given what it accepts.
        topics: what it says about them.
    """

    name: str
    place: str
    persona: str
    style: Style
    hello: str
    again: str
    grudge: str
    likes: tuple[str, ...]
    friend: str
    insulted: str
    move: Annotated[tuple[str, ...], Field(min_length=1)]
    wins: str
    loses: str
    small_talk: Annotated[tuple[str, ...], Field(min_length=2)]
    accepts: Mapping[str, str] = {}
    gives_flag: str | None = None
    topics: Mapping[str, str]


class World(_Part):
    title: str
    intro: str
    won: str
    start: str
    places: Mapping[str, Place]
    things: Mapping[str, Thing]
    characters: Mapping[str, Character]

    @model_validator(mode="after")
    def _is_whole(self) -> World:
        """Every name that something refers to is there."""
        references = [
            ("start", self.start, self.places),
            *(
                (f"places.{id}.exits", place, self.places)
                for id, one in self.places.items()
                for place in one.exits.values()
            ),
            *((f"places.{id}.things", thing, self.things) for id, one in self.places.items() for thing in one.things),
            *((f"things.{id}.owner", one.owner, self.characters) for id, one in self.things.items() if one.owner),
            *((f"characters.{id}.place", one.place, self.places) for id, one in self.characters.items()),
            *(
                (f"characters.{id}.accepts", name, self.things)
                for id, one in self.characters.items()
                for name in one.accepts
            ),
        ]
        for where, name, known in references:
            if name not in known:
                raise ValueError(f"{where} names {name!r}, and there are {', '.join(known)}")
        return self


def read_world(path: Path) -> World:
    """The world of a TOML file.

    Raises:
        ValueError: it is none; says where.
    """
    try:
        return World.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError(f"{path} is no world: {faults}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
