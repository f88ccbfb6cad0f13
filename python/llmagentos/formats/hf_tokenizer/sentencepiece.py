"""SentencePiece models: those parts of their protobuf (sentencepiece_model.proto) that encoding needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from llmagentos.errors import ModelFormatError
from llmagentos.formats.files import read_file

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3  # fields of the model
_MAX_PIECES = 1 << 24


class PieceType(IntEnum):
    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class ModelType(IntEnum):
    UNIGRAM = 1
    BPE = 2
    WORD = 3
    CHAR = 4


@dataclass(slots=True)
class Piece:
    text: str = ""
    score: float = 0.0
    type: PieceType = PieceType.NORMAL


@dataclass(slots=True)
class SentencePieceModel:
    """A model as it was trained. What a file does not say has protobuf's defaults.

    Attributes:
        pieces: by id.
        charsmap: the compiled normalisation, b"" for none.
        remove_extra_whitespaces: spaces at both ends, and all but one of several, are dropped.
        add_dummy_prefix: a space is put before a text.
        escape_whitespaces: spaces are written "▁".
    """

    pieces: list[Piece] = field(default_factory=list)
    type: ModelType = ModelType.UNIGRAM
    byte_fallback: bool = False
    charsmap: bytes = b""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True

    @property
    def unknown_id(self) -> int:
        """The id of what no piece spells."""
        return next(id for id, piece in enumerate(self.pieces) if piece.type is PieceType.UNKNOWN)


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Read a .model or .spm file.

    Raises:
        OSError: the file cannot be read.
        ModelFormatError: it is no such model; has the byte offset.
    """
    model = SentencePieceModel()
    file = _Message(path, read_file(path))
    for number, value in file.fields():
        if number == _PIECES:
            model.pieces.append(_piece(file.message(value)))
            if len(model.pieces) > _MAX_PIECES:
                raise file.broken(f"it has more than {_MAX_PIECES} pieces")
        elif number == _TRAINER:
            for part, setting in file.message(value).fields():
                if part == 3:
                    model.type = ModelType(file.one_of(setting, ModelType))
                elif part == 35:
                    model.byte_fallback = bool(file.integer(setting))
        elif number == _NORMALIZER:
            _read_normalizer(model, file.message(value))
    if not any(piece.type is PieceType.UNKNOWN for piece in model.pieces):
        raise file.broken("it has no piece for what is unknown")
    return model


def _piece(message: _Message) -> Piece:
    piece = Piece()
    for number, value in message.fields():
        if number == 1:
            piece.text = message.text(value)
        elif number == 2:
            piece.score = message.float32(value)
        elif number == 3:
            piece.type = PieceType(message.one_of(value, PieceType))
    return piece


def _read_normalizer(model: SentencePieceModel, message: _Message) -> None:
    for number, value in message.fields():
        if number == 2:
            model.charsmap = message.data(value)
        elif number == 3:
            model.add_dummy_prefix = bool(message.integer(value))
        elif number == 4:
            model.remove_extra_whitespaces = bool(message.integer(value))
        elif number == 5:
            model.escape_whitespaces = bool(message.integer(value))


@dataclass(frozen=True, slots=True)
class _Value:
    """A field's value, which is an integer or lies from byte `begin` to `end` of the file."""

    wire: int
    begin: int
    end: int
    integer: int = 0


class _Message:
    """A protobuf message, which is part of a file. Whatever does not fit into it is an error."""

    def __init__(self, path: Path, file: bytes, begin: int = 0, end: int | None = None) -> None:
        self._path, self._file = path, file
        self._at, self._end = begin, len(file) if end is None else end

    def fields(self) -> Iterator[tuple[int, _Value]]:
        """Number and value of each field, in order. Once only."""
        while self._at < self._end:
            tag = self._varint()
            yield tag >> 3, self._value(tag & 7)

    def message(self, value: _Value) -> _Message:
        self._check(value, _BYTES)
        return _Message(self._path, self._file, value.begin, value.end)

    def data(self, value: _Value) -> bytes:
        self._check(value, _BYTES)
        return self._file[value.begin : value.end]

    def text(self, value: _Value) -> str:
        try:
            return self.data(value).decode()
        except UnicodeDecodeError:
            raise self.broken("a text is no UTF-8", value.begin) from None

    def float32(self, value: _Value) -> float:
        self._check(value, _FIXED32)
        number: float = struct.unpack_from("<f", self._file, value.begin)[0]
        if number != number or abs(number) == float("inf"):
            raise self.broken(f"a score is {number}", value.begin)
        return number

    def integer(self, value: _Value) -> int:
        self._check(value, _VARINT)
        return value.integer

    def one_of(self, value: _Value, kinds: type[IntEnum]) -> int:
        number = self.integer(value)
        if number not in [kind.value for kind in kinds]:
            raise self.broken(f"{number} is no {kinds.__name__}", value.begin)
        return number

    def broken(self, reason: str, offset: int | None = None) -> ModelFormatError:
        at = self._at if offset is None else offset
        return ModelFormatError(f"{self._path} is no SentencePiece model: {reason}", str(self._path), at)

    def _check(self, value: _Value, wire: int) -> None:
        if value.wire != wire:
            raise self.broken(f"a field has wire type {value.wire}, not {wire}", value.begin)

    def _value(self, wire: int) -> _Value:
        begin = self._at
        if wire == _VARINT:
            integer = self._varint()
            return _Value(wire, begin, self._at, integer)
        if wire == _BYTES:
            size = self._varint()
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise self.broken(f"there is no wire type {wire}")
        begin = self._at
        if size > self._end - begin:
            raise self.broken(f"{size} bytes do not fit into the {self._end - begin} that are left")
        self._at += size
        return _Value(wire, begin, self._at)

    def _varint(self) -> int:
        number = 0
        for index in range(10):
            if self._at >= self._end:
                raise self.broken("it ends inside a number")
            byte = self._file[self._at]
            self._at += 1
            number |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return number
        raise self.broken("a number has more than 64 bits")
