"""Customer service: answers from a knowledge base, looks orders up, and passes on to people what it does not know."""

from __future__ import annotations

import argparse
import atexit
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from answers import Knowledge, read_entries
from desk import GREETING, Desk
from orders import Orders
from tickets import Tickets

from llmagentos import LLM
from llmagentos.errors import LLMAgentOSError

FOLDER = Path(__file__).parent / "knowledge"
EXAMPLE_DAY = datetime(2026, 3, 2, 10, tzinfo=timezone.utc)  # on which the example's orders are under way


def conversation(model: LLM | None = None) -> Desk:
    """A desk on the day of the example's orders, with a queue of its own, as `evaluation.toml` talks to."""
    folder = tempfile.TemporaryDirectory(prefix="desk-")
    atexit.register(folder.cleanup)
    knowledge = Knowledge(read_entries(FOLDER), model)
    return Desk(knowledge, Orders(), Tickets(Path(folder.name, "desk.db")), lambda: EXAMPLE_DAY)


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


def parsed() -> argparse.Namespace:
    """The options that it was started with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--knowledge", type=Path, default=FOLDER, help="a folder of .md files; README.md says how they look"
    )
    parser.add_argument("--orders", type=Path, help="an SQLite database as orders.sql makes it; it is only read")
    parser.add_argument("--tickets", type=Path, default=Path("desk.db"), help="the file of the queue for people")
    parser.add_argument(
        "--model", default="smollm2-135m-instruct", help="judges which entry is meant; 'none' leaves it out"
    )
    parser.add_argument("--queue", action="store_true", help="show what waits for a person, and end")
    parser.add_argument(
        "--close", type=int, metavar="TICKET", help="close a ticket that a person has answered, and end"
    )
    parser.add_argument("--now", type=datetime.fromisoformat, help="take this for the present, as 2026-03-02T10:00")
    return parser.parse_args()


def main() -> None:
    """Answers the messages of one customer on standard input, a line each; or shows people the queue."""
    options = parsed()
    tickets = Tickets(options.tickets)

    def clock() -> datetime:
        return options.now or datetime.now().astimezone()

    if options.close is not None:
        if not tickets.close(options.close, clock()):
            sys.exit(f"no open ticket has the number {options.close}")
        print(f"ticket {options.close} is closed")
    elif options.queue:
        print("\n".join(map(str, tickets.open_ones())) or "nothing waits for a person")
    else:
        try:
            knowledge = Knowledge(read_entries(options.knowledge), reader_of(options.model))
            orders = Orders(options.orders)
        except (ValueError, LLMAgentOSError) as error:
            sys.exit(str(error))
        print(GREETING, file=sys.stderr)
        Desk(knowledge, orders, tickets, clock).run()


if __name__ == "__main__":
    main()
