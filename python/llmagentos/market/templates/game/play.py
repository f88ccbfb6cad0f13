"""The game: reads a command, changes the world, and tells what happens."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from connect_four import MARKS, WON, Board, best_move
from state import State
from voices import Voices
from world import Character, Place, World

from llmagentos import Agent
from llmagentos.agents.cycle import text_of
from llmagentos.agents.sensors import Observation

HELP = """look                    where you are, who and what is here
north, south, ...       go there
talk to marta           turn to somebody; then just say what you want to say
ask marta about bread   or say it in words of your own
take bun, give bun to tor, inventory
play with marta         connect four; then a column's number, or 'resign'
hang clapper            where it belongs
exit                    the end; the game is saved"""
_SHORT = {"n": "north", "s": "south", "e": "east", "w": "west"}
_GOES = re.compile(r"(?:go |walk |run )?(?:to )?(?:the )?(?P<where>.+)")
_GIVES = re.compile(r"(?:give|offer|hand) (?:the )?(?P<thing>.+?) to (?P<who>\w+)")
_ASKS = re.compile(r"(?:ask|tell) (?P<who>\w+) (?:about |that )?(?P<what>.+)")


class Game(Agent):
    """Plays with one person.

    Args:
        changed: called with the state after each command.
        options: `sensor` and `actuator`, as `Agent` takes them.
    """

    def __init__(
        self, world: World, state: State, voices: Voices, changed: Callable[[State], None], **options: Any
    ) -> None:
        super().__init__(**options)
        self._world, self._state, self._voices, self._changed = world, state, voices, changed
        self._partner: str | None = None  # whom the player talks with
        self._board: Board | None = None  # of a game with the partner
        self._rules: tuple[tuple[str, Callable[[str], str]], ...] = (
            (r"help\W*", lambda _: HELP),
            (r"(?:look|l|where am i)(?: around)?\W*", lambda _: self.scene()),
            (r"(?:inventory|i|what do i have)\W*", lambda _: self._inventory()),
            (r"(?:talk|speak|go over|turn) (?:to|with) (?:the )?(?P<about>\w+)\W*", self._talk),
            (r"(?:hi|hello|hey|good (?:morning|day|evening))\b\W*(?P<about>\w*)\W*", self._talk),
            (r"(?:play|challenge)(?: with| against)?(?: (?P<about>\w+))?(?: .*)?", self._play),
            (r"(?:take|get|grab|pick up) (?:the |a )?(?P<about>.+)", self._take),
            (r"(?:can|may|could) i (?:please )?(?:have|take) (?:the |a )?(?P<about>.+?)\W*(?:please)?\W*", self._take),
            (r"(?:please )?give me (?:the |a )?(?P<about>.+?)\W*(?:please)?\W*", self._take),
            (r"(?:hang|use|attach|put) (?:the )?clapper\b.*|ring(?: the)? bell\W*", lambda _: self._hang()),
            (r"(?P<about>(?:give|offer|hand) .+ to \w+)\W*", self._give),
            (r"(?P<about>(?:ask|tell) (?!me\b|us\b).+)", self._ask),
            (r"(?:look at|examine|x|read) (?:the )?(?P<about>.+)", self._examine),
        )

    def decide(self, observation: Observation) -> str:
        return " ".join(text_of(observation).split())

    def act(self, action: str) -> dict[str, Any]:
        self._state.n_turns += 1
        told = self._told(action)
        self._changed(self._state)
        return {"text": told, "goal_reached": self._state.is_won}

    def scene(self) -> str:
        """Where the player is, and who and what is here."""
        place = self._place
        here = [self._world.characters[id].name for id in self._here]
        things = [
            thing.name for id, thing in self._world.things.items() if self._state.things.get(id) == self._state.place
        ]
        seen = [*(f"{name} is here." for name in here), *(f"You see a {name}." for name in things)]
        return "\n".join([f"{place.name}\n{place.text}", *([" ".join(seen)] if seen else [])])

    def _told(self, text: str) -> str:
        said = text.lower().strip(" .!")
        if self._board is not None and (told := self._in_game(said)) is not None:
            return told
        if (told := self._gone(said)) is not None:
            return told
        for pattern, do in self._rules:
            if (match := re.fullmatch(pattern, said)) is not None:
                return do(match.groupdict().get("about") or "")
        if self._partner is None and len(self._here) == 1:
            self._partner = self._here[0]
        if self._partner is not None:
            spoken = re.sub(r"^(?:say|answer|reply):? ", "", text, flags=re.IGNORECASE).strip("'\"")
            return self._voices.answer(self._partner, spoken, self._state)
        return f"I do not understand {text!r}, and nobody is here to talk to. Say 'help' for what you can do."

    # Places and things

    @property
    def _place(self) -> Place:
        return self._world.places[self._state.place]

    @property
    def _here(self) -> list[str]:
        return [id for id, character in self._world.characters.items() if character.place == self._state.place]

    def _gone(self, said: str) -> str | None:
        """What is told of a way that was taken; None where the words name none."""
        match = _GOES.fullmatch(_SHORT.get(said, said))
        where = match["where"] if match else ""
        by_name = {self._world.places[id].name.lower(): direction for direction, id in self._place.exits.items()}
        by_id = {id: direction for direction, id in self._place.exits.items()}
        direction = where if where in self._place.exits else by_name.get(where) or by_id.get(where)
        if direction is None:
            is_way = where in ("north", "south", "east", "west")
            if not is_way and (where in self._here or re.match(r"(go|walk|run) (to )?(the )?\w", said) is None):
                return None
            ways = " or ".join(self._place.exits)
            return (
                f"There is no way {where}. You can go {ways}."
                if is_way
                else f"You see no way there. You can go {ways}."
            )
        needs = self._world.places[self._place.exits[direction]].needs
        if needs is not None and needs.flag not in self._state.flags:
            return needs.text
        self._state.place, self._partner, self._board = self._place.exits[direction], None, None
        return self.scene()

    def _thing(self, name: str) -> str | None:
        wanted = name.strip(" .!")
        return next((id for id, thing in self._world.things.items() if wanted in (id, thing.name)), None)

    def _take(self, name: str) -> str:
        id = self._thing(name)
        if id is None or self._state.things.get(id) != self._state.place:
            return f"There is no {name} here."
        thing = self._world.things[id]
        if thing.owner is not None and self._state.memories[thing.owner].mood < 1:
            return thing.refusal
        self._state.things[id] = "player"
        return f"You take the {thing.name}."

    def _inventory(self) -> str:
        held = [self._world.things[id].name for id, where in self._state.things.items() if where == "player"]
        return f"You have: {', '.join(held)}." if held else "You have nothing but your wits."

    def _examine(self, name: str) -> str:
        id = self._thing(name)
        if id is not None and self._state.things.get(id) in ("player", self._state.place):
            return self._world.things[id].text
        return f"You see nothing special about {name}."

    def _give(self, said: str) -> str:
        match = _GIVES.fullmatch(said)
        thing, who = (self._thing(match["thing"]), self._named(match["who"])) if match else (None, None)
        if thing is None or self._state.things.get(thing) != "player":
            return "You do not have that."
        if who is None:
            return "Nobody of that name is here."
        character = self._world.characters[who]
        if thing not in character.accepts:
            return f"{character.name} does not want the {self._world.things[thing].name}."
        del self._state.things[thing]
        self._befriend(who)
        return character.accepts[thing]

    def _hang(self) -> str:
        if self._state.things.get("clapper") != "player":
            return "You do not have the clapper."
        if self._state.place != "tower":
            return "It belongs into the bell, in the tower."
        self._state.is_won = True
        return self._world.won

    # People

    def _named(self, name: str) -> str | None:
        return next((id for id in self._here if name.lower() in (id, self._world.characters[id].name.lower())), None)

    def _talk(self, name: str) -> str:
        id = self._named(name) if name else next(iter(self._here), None)
        if id is None:
            return f"{name.title()} is not here." if name else "Nobody is here."
        self._partner = id
        return self._voices.greeting(id, self._state)

    def _ask(self, said: str) -> str:
        match = _ASKS.fullmatch(said)
        id = self._named(match["who"]) if match else None
        if match is None or id is None:
            return "Nobody of that name is here."
        self._partner = id
        return self._voices.answer(id, match["what"], self._state)

    def _befriend(self, id: str) -> None:
        self._state.memories[id].mood = max(self._state.memories[id].mood, 1)
        flag = self._world.characters[id].gives_flag
        if flag is not None and flag not in self._state.flags:
            self._state.flags.append(flag)

    # Connect four

    def _play(self, name: str) -> str:
        id = self._named(name) if name else self._partner or next(iter(self._here), None)
        if id is None:
            return "Nobody is here to play with."
        if self._state.memories[id].mood < 0:
            return f"{self._world.characters[id].name} does not want to play with you."
        self._partner, self._board = id, Board()
        name = self._world.characters[id].name
        return f"{name} sets up the board. You are {MARKS[0]} and begin; say a column's number.\n{self._board}"

    def _in_game(self, said: str) -> str | None:
        """What is told of a move; None where the words are no move, and the game goes on."""
        assert self._board is not None  # noqa: S101 (asked by the caller)
        assert self._partner is not None  # noqa: S101 (a game has a partner)
        character = self._world.characters[self._partner]
        if said in ("resign", "give up", "stop"):
            return self._over("You resign.", character, "won")
        if not said.isdigit():
            return None
        column = int(said) - 1
        if column not in self._board.columns:
            others = ", ".join(str(one + 1) for one in sorted(self._board.columns))
            return f"Column {said} takes no stone. These do: {others}."
        board = self._board.dropped(column, 0)
        if board.has_won(0):
            return self._over(f"{board}\nFour in a line: you win.", character, "beaten")
        if board.columns:
            luck = random.Random(self._state.n_turns)  # noqa: S311 (a game's luck)
            answer, value = best_move(board, 1, character.style, luck)
            board = board.dropped(answer, 1)
            if board.has_won(1):
                return self._over(f"{character.name} plays {answer + 1}.\n{board}\nFour in a line.", character, "won")
        if not board.columns:
            self._board = None
            return f"{board}\nThe board is full: a draw."
        self._board = board
        sure = (
            f" {character.name} smiles."
            if value > WON / 2
            else f" {character.name} frowns."
            if value < -WON / 2
            else ""
        )
        return f"{character.name} plays {answer + 1}. {luck.choice(character.move)}{sure}\n{board}"

    def _over(self, told: str, character: Character, outcome: str) -> str:
        assert self._partner is not None  # noqa: S101 (a game has a partner)
        self._board, memory = None, self._state.memories[self._partner]
        if outcome == "beaten":
            memory.beaten += 1
            self._befriend(self._partner)
            return f"{told}\n{character.loses}"
        memory.won += 1
        return f"{told}\n{character.wins}"
