"""The board and the opponents."""

from __future__ import annotations

import random

import pytest
from connect_four import COLUMNS, ROWS, Board, Style, best_move


def after(moves: str) -> Board:
    """The position after stones in columns 1 to 7, in turn."""
    board = Board()
    for number, column in enumerate(moves):
        board = board.dropped(int(column) - 1, 0 if number % 2 == 0 else 1)
    return board


@pytest.mark.parametrize("moves", ["1213141", "1122334", "12233434544"])
def test_four_in_a_line_win(moves: str) -> None:
    assert after(moves).has_won(0)
    assert not after(moves).has_won(1)
    assert not after(moves[:-1]).has_won(0)


def test_lines_do_not_go_around_the_edge() -> None:
    cells = [(0, 4), (0, 5), (1, 0), (1, 1)]
    board = Board(stones=(sum(1 << column * (ROWS + 1) + row for column, row in cells), 0))
    assert not board.has_won(0)


def test_a_full_column_takes_no_stone() -> None:
    assert 0 not in after("111111").columns
    assert len(after("111111").columns) == COLUMNS - 1


@pytest.mark.parametrize("depth", [2, 4])
@pytest.mark.parametrize(
    ("moves", "column"),
    [
        ("112233", 4),  # it has three in a row, and wins
        ("11223", 4),  # the other has three in a row
        ("21212", 2),  # and in a column
    ],
)
def test_it_wins_where_it_can_and_blocks_where_it_must(moves: str, column: int, depth: int) -> None:
    chosen, _ = best_move(after(moves), 1 if len(moves) % 2 else 0, Style(depth), random.Random(0))
    assert chosen + 1 == column


def test_whoever_looks_further_wins_more() -> None:
    shallow, deep = Style(depth=1, slack=3.0), Style(depth=4)
    balance = 0
    for seed in range(6):
        board, luck, mover = Board(), random.Random(seed), seed % 2
        while board.columns and not board.has_won(0) and not board.has_won(1):
            player = 1 if mover else 0
            column, _ = best_move(board, player, deep if player else shallow, luck)
            board, mover = board.dropped(column, player), 1 - mover
        balance += board.has_won(1) - board.has_won(0)
    assert balance >= 3


def test_the_board_is_shown_with_its_columns_numbers() -> None:
    lines = str(after("443")).splitlines()
    assert len(lines) == ROWS + 1
    assert lines[-2:] == [". . X X . . .", "1 2 3 4 5 6 7"]
