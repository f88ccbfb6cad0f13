"""Orders in an SQLite database, which is only read: by number and mail address together, and no other way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

EXAMPLE = Path(__file__).parent / "orders.sql"


@dataclass(frozen=True, slots=True)
class Order:
    """An order.

    Attributes:
        status: "paid", "packed", "shipped", "delivered" or "cancelled".
        items: each with its quantity.
        expected: the day on which it should arrive, or arrived.
    """

    number: str
    placed: date
    status: str
    carrier: str | None
    tracking: str | None
    expected: date | None
    items: tuple[str, ...]
    cents: int

    @property
    def is_open(self) -> bool:
        """Whether it is still in the warehouse, where it can be changed."""
        return self.status in ("paid", "packed")

    def told(self, today: date) -> str:
        """The order in words for its customer."""
        head = f"Order {self.number} of {_day(self.placed)}, {self.cents / 100:.2f} euros: {'; '.join(self.items)}."
        when = f" on {_day(self.expected)}" if self.expected is not None else ""
        by = f" with {self.carrier}" if self.carrier else ""
        tracked = f" (tracking number {self.tracking})" if self.tracking else ""
        if self.status == "shipped" and self.is_late(today):
            state = f"It left our warehouse{by}{tracked} and should have arrived{when}."
        else:
            state = {
                "paid": f"It is paid and waits to be packed; it should arrive{when}.",
                "packed": f"It is packed, and the carrier takes it next; it should arrive{when}.",
                "shipped": f"It left our warehouse{by}{tracked} and should arrive{when}.",
                "delivered": f"It was delivered{by}{when}{tracked}.",
                "cancelled": "It was cancelled.",
            }[self.status]
        return f"{head}\n{state}"

    def is_late(self, today: date) -> bool:
        """Whether it is on its way and should have arrived before today."""
        return self.status == "shipped" and self.expected is not None and self.expected < today


class Orders:
    """Orders of a database file; None takes the example's.

    Raises:
        ValueError: the file is missing, or has no such tables.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._database = sqlite3.connect(":memory:")
            self._database.executescript(EXAMPLE.read_text(encoding="utf-8"))
        try:
            if path is not None:
                self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            self._database.execute("PRAGMA query_only = ON")
            self.find("", "")
        except sqlite3.Error as error:
            raise ValueError(f"{path} has no orders to read: {error}") from None

    def find(self, number: str, mail: str) -> Order | None:
        """The order of that number, if it was placed with that mail address."""
        with closing(self._database.cursor()) as cursor:
            row = cursor.execute(
                "SELECT number, placed, status, carrier, tracking, expected FROM orders"
                " WHERE number = ? AND lower(mail) = ?",
                (number, mail.lower()),
            ).fetchone()
            items = cursor.execute(
                "SELECT name, quantity, cents FROM items WHERE number = ? ORDER BY rowid", (number,)
            ).fetchall()
        if row is None:
            return None
        named = tuple(f"{quantity} × {name}" for name, quantity, _ in items)
        total = sum(quantity * cents for _, quantity, cents in items)
        expected = date.fromisoformat(row[5]) if row[5] else None
        return Order(row[0], date.fromisoformat(row[1]), row[2], row[3], row[4], expected, named, total)


def _day(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"
