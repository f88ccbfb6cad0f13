"""The world, its characters, and a game from beginning to end, without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from main import WORLD, conversation
from play import Game
from state import State, load, new_state, save
from voices import Voices
from world import read_world

Say = Callable[[str], str]


def player(game: Game) -> Say:
    return lambda text: game.act(game.decide({"text": text}))["text"]


@pytest.fixture
def say() -> Say:
    return player(conversation())


def test_the_story_can_be_finished(say: Say) -> None:
    assert say("look").startswith("Market square")
    say("go east")
    assert "not here" in say("hello Tor")
    assert "Come in, dear" in say("talk to Marta")
    assert "Buns are for friends" in say("Can I have a bun, please?")
    assert "Take a bun" in say("What lovely bread you have, it smells delicious")
    assert say("take bun") == "You take the cardamom bun."
    say("west")
    say("south")
    assert "does not move" in say("go to the lighthouse")
    assert "I take you across" in say("give bun to Tor")
    assert say("west").startswith("Lighthouse")
    assert "what it is for" in say("take clapper")
    assert "take it!" in say("The village needs it for the bell, so that the boats come in")
    assert say("take the clapper") == "You take the clapper."
    for way in ("east", "north", "north"):
        say(way)
    assert "Skarholm is open again" in say("hang clapper")


def test_a_place_that_is_not_next_to_here_is_told(say: Say) -> None:
    say("north")
    assert say("go to the harbor") == "You see no way there. You can go south."
    assert say("go south").startswith("Market square")


def test_the_end_of_the_story_ends_the_run() -> None:
    game = conversation()
    world = read_world(WORLD)
    state = new_state(world)
    state.place, state.things["clapper"] = "tower", "player"
    told: list[Any] = []
    game = Game(world, state, Voices(world), lambda _: None, sensor=["hang the clapper", "look"], actuator=told.append)
    assert game.run() == "goal_reached"
    assert len(told) == 1


def test_characters_answer_in_their_own_way_and_remember_it(say: Say) -> None:
    say("east")
    first = say("ask Marta about the fog")
    assert "No flour boat" in first
    assert say("and the fog?").startswith("'As I told you,' says Marta.")
    say("west")
    say("south")
    assert say("ask Tor about the fog") == "'It is listening.'"


def test_an_insult_is_held_against_the_player_until_an_apology(say: Say) -> None:
    say("east")
    assert say("Your bread is stupid") == "Marta puts her hands on her hips. 'Not in my bakery.'"
    assert "goes on kneading" in say("talk to marta")
    assert "An apology might help" in say("tell me about the bell")
    assert "does not want to play" in say("play with marta")
    assert "Forgiven" in say("I am sorry")
    assert "It woke me at four" in say("tell me about the bell")


def test_a_greeting_recalls_what_was_said(say: Say) -> None:
    say("east")
    say("talk to marta")
    say("I come from the mountains.")
    assert "Last time you said: I come from the mountains." in say("talk to marta")


def test_a_game_is_played_beside_the_talk(say: Say) -> None:
    say("south")
    assert "You are X and begin" in say("play with tor")
    assert "Tor plays" in say("4")
    assert "row by my ears" in say("What about the bell?")
    assert say("9").startswith("Column 9 takes no stone.")
    assert "The sea would have you too" in say("resign")


def test_whom_the_player_has_beaten_is_talked_about() -> None:
    world = read_world(WORLD)
    state = new_state(world)
    state.memories["tor"].beaten = 1
    say = player(Game(world, state, Voices(world), lambda _: None))
    say("east")
    assert "you have beaten Tor at connect four" in say("talk to marta")
    assert "beaten Tor" not in say("talk to marta")


class Reader:
    """Stands in for an LLM: finds words likelier after a text about a dance."""

    def tokenize(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        return list(text.encode())

    def score(self, text: Sequence[int]) -> np.ndarray:
        return np.full(len(text) - 1, -1.0 if "knees" in bytes(text).decode() else -2.0, np.float32)


def test_small_talk_fits_what_was_said_and_is_not_repeated() -> None:
    say = player(conversation(Reader()))  # type: ignore[arg-type]
    say("east")
    assert say("Do you like to dance?").startswith("'Dance? I danced every Saturday")
    assert say("Do you like to dance?") == "'That I could not say, dear. Ask me about the bell, or about bread.'"


def test_without_a_model_small_talk_is_luck_until_it_is_used_up(say: Say) -> None:
    say("east")
    lines = read_world(WORLD).characters["marta"].small_talk
    said = [say("Do you like to dance?") for _ in range(len(lines))]
    assert set(said) == set(lines)
    assert said[-1] == lines[-1]


def test_nobody_hears_what_is_said_alone(say: Say) -> None:
    assert say("Do you like to dance?").startswith("I do not understand 'Do you like to dance?', and nobody is here")
    assert say("talk to marta") == "Marta is not here."
    assert say("west").startswith("There is no way west. You can go north or east or south.")


def test_a_game_is_kept(tmp_path: Path) -> None:
    world = read_world(WORLD)
    path = tmp_path / "game.json"
    say = player(Game(world, load(path, world), Voices(world), lambda state: save(path, state)))
    say("east")
    say("talk to marta")
    state = load(path, world)
    assert (state.place, state.memories["marta"].met, state.n_turns) == ("bakery", 1, 2)
    path.write_text("{}")
    with pytest.raises(ValueError, match="is no saved game"):
        load(path, world)
    save(path, State(place="moon", things={}, memories={}))
    with pytest.raises(ValueError, match="is a game of another world"):
        load(path, world)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('start = "square"', 'start = "moon"', "start names 'moon'"),
        ('owner = "marta"', 'owner = "bob"', "things.bun.owner names 'bob'"),
        ('title = "The Silent Bell"\n', "", "title: Field required"),
        ('title = "The Silent Bell"', "title = ", "cannot be read"),
        ("depth = 2", "deep = 2", "style"),
    ],
)
def test_a_world_with_a_fault_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    path = tmp_path / "world.toml"
    path.write_text(WORLD.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=fault.replace(".", r"\.")):
        read_world(path)
