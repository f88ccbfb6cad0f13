from __future__ import annotations

import pytest

from llmagentos.bench.metrics import Metric, parse, split_by_context
from llmagentos.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("name", "metric", "unit", "higher_is_better"),
    [
        ("prefill 512", Metric("prefill", 512), "tokens/s", True),
        ("decode", Metric("decode", 0), "tokens/s", True),
        ("decode @7000", Metric("decode", 7000), "tokens/s", True),
        ("1 stream", Metric("streams", 1), "tokens/s", True),
        ("16 streams", Metric("streams", 16), "tokens/s", True),
        ("loaded to first token", Metric("first", 32), "s", False),
        ("start to first token", Metric("start", 32), "s", False),
        ("peak memory @1000", Metric("memory", 1000), "MB", False),
    ],
)
def test_a_name_is_read_and_written(name: str, metric: Metric, unit: str, higher_is_better: bool) -> None:
    assert parse(name) == metric
    assert metric.name == name
    assert metric.unit == unit
    assert metric.higher_is_better is higher_is_better


@pytest.mark.parametrize("name", ["prefill", "prefill 0", "0 streams", "decode @", "decode 5", "speed", ""])
def test_another_name_is_an_error_that_lists_them(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"there is no metric .*prefill N.*peak memory @N"):
        parse(name)


def test_what_does_not_fit_the_context_is_set_apart_with_what_it_takes() -> None:
    metrics = [Metric("prefill", 62), Metric("prefill", 63), Metric("decode", 0), Metric("decode", 50)]
    metrics += [Metric("streams", 99), Metric("memory", 100)]
    fitting, too_long = split_by_context(metrics, 32, 64)
    assert fitting == [Metric("prefill", 62), Metric("decode", 0), Metric("streams", 99)]
    assert too_long == {Metric("prefill", 63): 65, Metric("decode", 50): 84, Metric("memory", 100): 102}
