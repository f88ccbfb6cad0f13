"""A calendar that other programs share."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.calendar_file import CalendarFile, calendar_tools

OTHERS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//another//program//EN
X-WR-CALNAME:Home
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:gym
DTSTAMP:20240101T000000Z
SUMMARY:Gym
DTSTART;TZID=Europe/Berlin:20240325T180000
DTEND;TZID=Europe/Berlin:20240325T190000
RRULE:FREQ=WEEKLY;COUNT=3
EXDATE;TZID=Europe/Berlin:20240401T180000
END:VEVENT
BEGIN:VTODO
UID:todo
SUMMARY:kept as it is
END:VTODO
END:VCALENDAR
""".replace("\n", "\r\n")


def tools(path: Path, zone: str = "UTC") -> dict[str, Any]:
    return {tool.name: tool for tool in calendar_tools(path, zone)}


def test_events_are_added_listed_and_removed(tmp_path: Path) -> None:
    calendar = tools(tmp_path / "my.ics", "Europe/Berlin")
    calendar["add_event"](title="Dentist", start="2024-12-03T09:30", minutes=45, location="Main Street 5")
    calendar["add_event"](title="Holiday", start="2024-12-02")
    calendar["add_event"](title="Far away", start="2025-06-01")
    lines = calendar["list_events"](first_day="2024-12-01").split("\n")
    assert [line.rpartition(" [")[0] for line in lines] == [
        "Monday 2024-12-02, all day: Holiday",
        "Tuesday 2024-12-03 09:30 to 10:15: Dentist at Main Street 5",
    ]
    uid = lines[1].rpartition("[")[2].rstrip("]")
    calendar["remove_event"](uid=uid)
    assert "Dentist" not in calendar["list_events"](first_day="2024-12-01")
    with pytest.raises(ToolError, match="no event with the uid"):
        calendar["remove_event"](uid=uid)


def test_repeated_events_are_worked_out_across_daylight_saving(tmp_path: Path) -> None:
    path = tmp_path / "my.ics"
    path.write_bytes(OTHERS.encode())
    listed = tools(path, "UTC")["list_events"](first_day="2024-03-20", days=60)
    assert listed.split("\n") == [
        "Monday 2024-03-25 17:00 to 18:00: Gym [gym]",
        "Monday 2024-04-08 16:00 to 17:00: Gym [gym]",
    ]


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    path = tmp_path / "my.ics"
    path.write_bytes(OTHERS.encode())
    tools(path)["add_event"](title="New", start="2024-05-01")
    text = path.read_text()
    for kept in (
        "UID:gym",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "SUMMARY:kept as it is",
        "X-WR-CALNAME:Home",
        "BEGIN:VTIMEZONE",
    ):
        assert kept in text
    assert "SUMMARY:New" in text


def test_titles_are_no_way_to_other_properties(tmp_path: Path) -> None:
    path = tmp_path / "my.ics"
    CalendarFile(path).add("x\r\nEND:VEVENT\r\nATTACH:file:///etc/passwd; a,b", date(2024, 1, 1), date(2024, 1, 2))
    assert not any(line.startswith("ATTACH") for line in path.read_text().splitlines())
    assert "ATTACH:file:///etc/passwd; a,b" in tools(path)["list_events"](first_day="2024-01-01")


def test_an_empty_calendar_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "my.ics"
    assert tools(path)["list_events"](first_day="2024-01-01") == "there is nothing in the calendar then"
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("list_events", {"first_day": "soon"}, "'soon' is not a date"),
        ("list_events", {"first_day": "9999-12-31"}, "after the year 9999"),
        ("add_event", {"title": "x", "start": "9999-12-31"}, "after the year 9999"),
        ("add_event", {"title": "x", "start": "9999-12-31T23:59"}, "after the year 9999"),
        ("list_events", {"first_day": "2024-01-01", "days": 0}, "days=0"),
        ("list_events", {"first_day": "2024-01-01", "days": 400}, "days=400"),
        ("add_event", {"title": "", "start": "2024-01-01"}, "title"),
        ("add_event", {"title": "x", "start": "2024-01-01T10:00", "minutes": 0}, "minutes=0"),
        ("add_event", {"title": "x", "start": "2024-13-01"}, "is not a date"),
        ("add_event", {"title": "x", "start": "tomorrow at noon"}, "is not a time"),
    ],
)
def test_faults_are_named(tmp_path: Path, name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        tools(tmp_path / "my.ics")[name](**arguments)


@pytest.mark.parametrize("content", [b"no calendar", b"BEGIN:VCALENDAR\r\n", b"\xff\xfe", b""])
def test_what_is_no_calendar_is_an_error_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "my.ics"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match="cannot be read as a calendar"):
        CalendarFile(path)
    assert path.read_bytes() == content
    os.mkfifo(tmp_path / "pipe")  # which nobody writes to
    with pytest.raises(InvalidRequestError, match="cannot be read as a calendar: it is no file"):
        CalendarFile(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("rule", "often"),
    [
        ("FREQ=SECONDLY", "86400"),
        ("FREQ=MINUTELY;INTERVAL=5", "288"),
        (f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE=0,10,20,30,40,50", "144"),
    ],
)
def test_events_that_repeat_all_day_long_are_named_and_not_worked_out(tmp_path: Path, rule: str, often: str) -> None:
    path = tmp_path / "my.ics"
    path.write_text(OTHERS.replace("FREQ=WEEKLY;COUNT=3", rule), newline="")
    with pytest.raises(ToolError, match=f"'Gym' repeats up to {often} times a day"):
        CalendarFile(path).events(datetime(2024, 4, 1, tzinfo=timezone.utc), datetime(2024, 4, 2, tzinfo=timezone.utc))


def test_an_event_every_eight_hours_is_worked_out(tmp_path: Path) -> None:
    path = tmp_path / "my.ics"
    path.write_text(OTHERS.replace("FREQ=WEEKLY;COUNT=3", "FREQ=HOURLY;INTERVAL=8"), newline="")
    day = datetime(2024, 4, 2, tzinfo=timezone.utc)
    assert len(CalendarFile(path).events(day, day + timedelta(days=1))) == 3
