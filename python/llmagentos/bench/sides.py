"""The programs that are measured: this package's, and llama.cpp's in each of its settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmagentos.bench.alternate import Side
from llmagentos.bench.pinning import openmp_pinning
from llmagentos.errors import LLMAgentOSError

OURS = "llmagentos"
PEER_PROGRAM = Path(__file__).with_name("peer_llamacpp.py")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all sides are given alike.

    Attributes:
        cpus: one for each thread, or None to let the system place them.
        new_tokens: generated for each prompt of `decode` and of streams.
        repeats: measurements within one process, of which the median counts.
    """

    model: Path
    threads: int
    cpus: Sequence[int] | None
    new_tokens: int = 128
    repeats: int = 1

    def options(self) -> list[str]:
        return ["--new-tokens", str(self.new_tokens), "--repeats", str(self.repeats)]


def ours(setting: Setting, vocab_size: int) -> Side:
    """This package, in the Python that runs now."""
    command = [sys.executable, "-m", "llmagentos.bench.ours", *setting.options(), "--vocab", str(vocab_size)]
    if setting.cpus is not None:
        command += ["--cpus", ",".join(map(str, setting.cpus))]
    return Side(OURS, [*command, str(setting.model), str(setting.threads)])


def llamacpp(python: str, setting: Setting) -> list[Side]:
    """llama.cpp with flash attention on and off; for streams, each also with one KV cache for all of them."""
    program = [python, str(PEER_PROGRAM), *setting.options()]
    model = [str(setting.model), str(setting.threads)]
    environment = openmp_pinning(setting.cpus)
    sides = []
    for switch in ("on", "off"):
        name = f"llama.cpp, flash attention {switch}"
        sides.append(Side(name, [*program, *model, switch], environment))
        unified = [*program, "--unified", *model, switch]
        sides.append(Side(f"{name}, unified cache", unified, environment, only_kind="streams"))
    return sides


def llamacpp_build(python: str) -> str:
    """The version of llama-cpp-python that a Python has, and what its kernels were built for: "0.3.36 (AVX2 FMA ...)".

    Raises:
        LLMAgentOSError: it has none, or there is no such Python; says what to do.
    """
    remedy = (
        "install it there with `pip install llama-cpp-python` (CMAKE_ARGS=-DGGML_NATIVE=ON builds it for this "
        "machine), or name a Python that has it with --peer-python"
    )
    program = (
        "import llama_cpp, re, sys\n"
        "features = re.findall(r'(\\w+) = 1', llama_cpp.llama_print_system_info().decode())\n"
        "sys.stdout.write(f'{llama_cpp.__version__} ({\" \".join(features)})')"
    )
    try:
        done = subprocess.run(
            [python, "-c", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise LLMAgentOSError(f"{python} cannot be started ({error.strerror}): --peer-python takes a Python") from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LLMAgentOSError(f"llama.cpp is not installed for {python} ({reason}): {remedy}")
    return done.stdout
