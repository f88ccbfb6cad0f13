"""A small text adventure with characters that remember, and that play connect four."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from play import Game
from state import load, new_state, save
from voices import Voices
from world import read_world

from llmagentos import LLM
from llmagentos.errors import LLMAgentOSError

WORLD = Path(__file__).parent / "world.toml"


def conversation(model: LLM | None = None) -> Game:
    """A game from its beginning, which is not saved, as `evaluation.toml` talks to."""
    world = read_world(WORLD)
    return Game(world, new_state(world), Voices(world, model), lambda _: None)


def reader_of(name: str) -> LLM | None:
    """The model of that name; None for "none".

    Raises:
        LLMAgentOSError: there is none, or it is a service's, which do not tell how likely a text is.
    """
    if name == "none":
        return None
    model = LLM(name, context_length=2048)
    model.score("To be told now rather than in the middle of a conversation.")
    return model


def main() -> None:
    """Plays by the commands on standard input, a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", type=Path, default=WORLD, help="a world of yours, as world.toml")
    parser.add_argument("--save", type=Path, default=Path("game.json"), help="the file in which the game is kept")
    parser.add_argument(
        "--model", default="smollm2-135m-instruct", help="chooses which small talk fits; 'none' leaves it to luck"
    )
    options = parser.parse_args()
    try:
        world = read_world(options.world)
        state = load(options.save, world)
        reader = reader_of(options.model)
    except (ValueError, LLMAgentOSError) as error:
        sys.exit(str(error))
    game = Game(world, state, Voices(world, reader), lambda changed: save(options.save, changed))
    print(f"{world.title}\n{world.intro.rstrip()}\n\n{game.scene()}", flush=True)
    game.run()


if __name__ == "__main__":
    main()
