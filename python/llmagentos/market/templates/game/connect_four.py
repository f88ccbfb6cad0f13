"""Connect four: the board, and an opponent that searches."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

COLUMNS, ROWS = 7, 6
Player = Literal[0, 1]  # the person, and the opponent
MARKS = ("X", "O")
WON = 10_000  # of a position; more if it comes sooner
_CENTRE_FIRST = sorted(range(COLUMNS), key=lambda column: abs(column - COLUMNS // 2))
# The four cells of every line, as bits; a column has ROWS cells and one that stays empty, so that lines end at the top.
_LINES = tuple(
    sum(1 << (column + dx * step) * (ROWS + 1) + row + dy * step for step in range(4))
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1))
    for column in range(COLUMNS)
    for row in range(ROWS)
    if 0 <= column + 3 * dx < COLUMNS and 0 <= row + 3 * dy < ROWS
)


@dataclass(frozen=True, slots=True)
class Board:
    """A position.

    Attributes:
        stones: of each player, a bit for each cell.
        heights: stones in each column.
    """

    stones: tuple[int, int] = (0, 0)
    heights: tuple[int, ...] = (0,) * COLUMNS

    @property
    def columns(self) -> list[int]:
        """Those that take a stone, in the middle first."""
        return [column for column in _CENTRE_FIRST if self.heights[column] < ROWS]

    def dropped(self, column: int, player: Player) -> Board:
        """The position after a player's stone in a column, which must have room for it."""
        bit = 1 << column * (ROWS + 1) + self.heights[column]
        mine, theirs = self.stones
        stones = (mine | bit, theirs) if player == 0 else (mine, theirs | bit)
        heights = (*self.heights[:column], self.heights[column] + 1, *self.heights[column + 1 :])
        return Board(stones, heights)

    def has_won(self, player: Player) -> bool:
        """Whether the player has four in a line."""
        stones = self.stones[player]
        for shift in (1, ROWS, ROWS + 1, ROWS + 2):
            pairs = stones & stones >> shift
            if pairs & pairs >> 2 * shift:
                return True
        return False

    def __str__(self) -> str:
        rows = [" ".join(self._mark(column, row) for column in range(COLUMNS)) for row in reversed(range(ROWS))]
        return "\n".join([*rows, " ".join(str(column + 1) for column in range(COLUMNS))])

    def _mark(self, column: int, row: int) -> str:
        bit = 1 << column * (ROWS + 1) + row
        return MARKS[0] if self.stones[0] & bit else MARKS[1] if self.stones[1] & bit else "."


@dataclass(frozen=True, slots=True)
class Style:
    """How an opponent plays.

    Attributes:
        depth: moves that it looks ahead.
        attack: how much its own lines count, those of the other counting 1: above 1 it is bold, below it is careful.
        slack: value that it gives away at most for variety.
    """

    depth: int
    attack: float = 1.0
    slack: float = 0.0


def best_move(board: Board, player: Player, style: Style, luck: random.Random) -> tuple[int, float]:
    """The column that the player chooses, and what the position is worth to it then."""
    values = [
        (
            -_search(board.dropped(column, player), _other(player), player, style, style.depth - 1, -2 * WON, 2 * WON),
            column,
        )
        for column in board.columns
    ]
    best = max(value for value, _ in values)
    # Nobody gives a won game away, or walks into a lost one, for variety.
    slack = style.slack if abs(best) < WON / 2 else 0.0
    good = [(value, column) for value, column in values if value >= best - slack]
    value, column = luck.choice(good) if slack else good[0]
    return column, value


def _search(board: Board, mover: Player, owner: Player, style: Style, depth: int, alpha: float, beta: float) -> float:
    """What a position is worth to the one who moves: negamax with alpha-beta (Knuth and Moore, 1975)."""
    if board.has_won(_other(mover)):
        return -(WON + depth)
    columns = board.columns
    if not columns:
        return 0.0
    if depth == 0:
        value = _worth(board, owner, style)
        return value if mover == owner else -value
    for column in columns:
        value = -_search(board.dropped(column, mover), _other(mover), owner, style, depth - 1, -beta, -alpha)
        alpha = max(alpha, value)
        if alpha >= beta:
            break
    return alpha


def _worth(board: Board, owner: Player, style: Style) -> float:
    """Lines that one player alone has stones in, three counting more than two, as the owner of the style sees them."""
    own, other = board.stones[owner], board.stones[_other(owner)]
    value = 0.0
    for line in _LINES:
        mine, theirs = own & line, other & line
        if mine and not theirs:
            value += style.attack * _POINTS[_n_stones(mine)]
        elif theirs and not mine:
            value -= _POINTS[_n_stones(theirs)]
    return value


_POINTS = (0, 1, 4, 16, 0)


def _n_stones(bits: int) -> int:
    return bits.bit_count()


def _other(player: Player) -> Player:
    return 0 if player == 1 else 1
