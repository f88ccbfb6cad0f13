import os

class GgufBytes:
    """What a memoryview of a tensor's bytes holds on to; it has the buffer protocol."""

class TensorInfo:
    """A tensor that a file lists."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str:
        """The weight format's name, such as "Q4_K"."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions, outermost first: (rows, columns)."""

    @property
    def offset(self) -> int:
        """First byte, from the start of the file."""

    @property
    def n_bytes(self) -> int: ...

class GgufFile:
    """A GGUF file (version 2 or 3, little-endian), mapped into memory and checked.

    Raises:
        ModelNotFoundError: nothing that can be opened at `path`.
        ModelFormatError: the file breaks the format's rules; has the byte offset.
        UnsupportedModelError: version 1, big-endian, nested arrays, or a tensor type this build does not read.
    """

    def __init__(self, path: str | bytes | os.PathLike[str]) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def n_bytes(self) -> int: ...
    @property
    def tensors(self) -> list[TensorInfo]:
        """All tensors in the file's order (a new list at each call)."""

    @property
    def n_tensors(self) -> int: ...
    @property
    def n_values(self) -> int:
        """Elements of all tensors together."""

    @property
    def bytes_per_dtype(self) -> dict[str, int]:
        """Bytes of the tensors of each weight format."""

    def tensor(self, name: str) -> TensorInfo | None: ...
    def tensor_names(self) -> list[str]:
        """In the file's order."""

    def keys(self) -> list[str]:
        """The metadata keys in the file's order."""

    def get(self, key: str) -> str | int | float | bool | None:
        """The single value of a metadata key; None where the file does not have it.

        Bytes of a text that are not UTF-8 come as surrogate escapes.

        Raises:
            ModelFormatError: the key holds an array.
        """

    def array(self, key: str) -> list[str] | list[int] | list[float] | list[bool] | None:
        """The array of a metadata key, converted at each call; None where the file does not have it.

        Raises:
            ModelFormatError: the key holds a single value.
        """

    def array_length(self, key: str) -> int | None:
        """Elements of an array, without converting it; None where the key is absent or holds no array."""

    def value_type(self, key: str) -> tuple[str, str] | None:
        """A metadata value's type and that of its elements, such as ("array", "u32"); a single value's are the same."""

    def tensor_data(self, name: str) -> memoryview:
        """The tensor's bytes, read-only and not copied; the view keeps the file mapped.

        Raises:
            InvalidRequestError: no tensor of that name.
        """
