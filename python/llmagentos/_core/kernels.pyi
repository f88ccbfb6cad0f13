from llmagentos._core.runtime import ThreadPool

def measure_fma(pool: ThreadPool, seconds: float, isa: str = "") -> float:
    """Float32 operations per second of all threads together; a multiply-add counts 2."""

def measure_dot(pool: ThreadPool, seconds: float, isa: str = "") -> float:
    """Operations per second of the quantised products (4-bit weights, 8-bit activations) of all threads together."""

def measure_read(pool: ThreadPool, seconds: float, n_bytes: int, isa: str = "") -> float:
    """Bytes per second that all threads together read from `n_bytes` of memory (at least 1 MiB for each)."""
