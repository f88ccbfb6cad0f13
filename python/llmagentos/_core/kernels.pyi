from llmagentos._core.runtime import ThreadPool

def available_isas() -> list[str]:
    """Instruction sets this build has and this machine runs, best first; "reference" is always the last."""

def selected_isa() -> str:
    """The one in use: the environment's LLMAGENTOS_ISA, or the best.

    Raises:
        InvalidRequestError: LLMAGENTOS_ISA names one that is unknown or not available here.
    """

def measure_fma(pool: ThreadPool, seconds: float, isa: str = "") -> float:
    """Float32 operations per second of all threads together; a multiply-add counts 2."""

def measure_dot(pool: ThreadPool, seconds: float, isa: str = "") -> float:
    """Operations per second of the quantised products (4-bit weights, 8-bit activations) of all threads together."""

def measure_read(pool: ThreadPool, seconds: float, n_bytes: int, isa: str = "") -> float:
    """Bytes per second that all threads together read from `n_bytes` of memory (at least 1 MiB for each)."""
