"""What a message is about."""

from __future__ import annotations

import pytest
from messages import read


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Hello", "greeting"),
        ("hi there!", "greeting"),
        ("Hi, how do I return this?", "question"),
        ("thanks a lot", "thanks"),
        ("great!", "thanks"),
        ("The bowl is not great", "question"),
        ("Ok, bye", "farewell"),
        ("Where is my order?", "status"),
        ("When will my parcel arrive?", "status"),
        ("Has my order been shipped?", "status"),
        ("I want to cancel my order", "change"),
        ("Can you change the delivery address?", "change"),
        ("Please cancel AP-10457", "change"),
        ("I want to talk to a person", "person"),
        ("are you a robot?", "identity"),
        ("Am I talking to a human?", "identity"),
        ("this is ridiculous, get me a human", "person"),
        ("How long can I return an order?", "question"),
        ("How can I pay?", "question"),
    ],
)
def test_topics(text: str, topic: str) -> None:
    assert read(text).topic == topic


def test_numbers_and_addresses_are_read_as_people_write_them() -> None:
    message = read("it's ap 10442, and I am Ann.B+shop@Example.org")
    assert (message.number, message.mail, message.is_bare) == ("AP-10442", "ann.b+shop@example.org", True)
    assert not read("My order AP-10442 came with a jug that leaks and I would like another one").is_bare
