"""`llmagentos bench`: how fast a model runs here, as a share of what the machine could do, and against llama.cpp."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from llmagentos.bench.metrics import Metric

MEMORY_CONTEXT = 1000
MAX_STREAMS = 256


class Peer(str, enum.Enum):
    """What one may compare with."""

    llamacpp = "llama.cpp"


def register(app: typer.Typer) -> None:
    """Adds `bench` to the app."""

    @app.command()
    def bench(
        model: options.LocalModel = options.DEFAULT_MODEL,
        threads: options.Threads = None,
        contexts: Annotated[
            str, typer.Option("--contexts", help="Tokens before decoding, separated by commas.")
        ] = "0,1000,4000",
        batches: Annotated[
            str, typer.Option("--batches", help="Streams decoded together, separated by commas.")
        ] = "1,4,8,16,32",
        prefill: Annotated[int, typer.Option("--prefill", min=1, help="Tokens of the prompt that is prefilled.")] = 512,
        new_tokens: Annotated[int, typer.Option("--new-tokens", min=1, help="Tokens decoded in each run.")] = 128,
        repeats: Annotated[int, typer.Option("--repeats", min=1, help="Runs of each; the median counts.")] = 3,
        json_file: Annotated[
            str | None,
            typer.Option("--json", metavar="FILE", help="Write all runs as JSON; '-' prints that and no table."),
        ] = None,
        against: Annotated[Peer | None, typer.Option("--against", help="Compare with it on the same file.")] = None,
        peer_python: Annotated[
            str | None, typer.Option("--peer-python", metavar="PATH", help="A Python that has llama-cpp-python.")
        ] = None,
    ) -> None:
        """Measure a model's speed and memory on this machine.

        Each run is a process of its own on as many CPUs as there are threads:
        for speeds each thread on one of them, for the first token and memory
        the process on all of them. Runs that others on the machine disturbed
        count only where no others are left. `decode` and streams make
        --new-tokens tokens; what streams do includes their prompts of 16. The
        first token follows a prompt of 32. Peak memory is that of a fresh
        process with 1,000 tokens of context.

        The share is of the speed that reading memory or multiplying would
        allow at best, both measured in the same session. A step reads the
        weights (an embedding that is only looked up aside) and the keys and
        values at that context; it does two operations for each weight and
        token (the output head's for tokens whose logits are wanted only), at
        the rate of 4-bit by 8-bit products, or of float32 multiply-adds where
        weights are floats. Whichever takes longer is the bound. Attention's
        own arithmetic is not counted. More than 100 % means that the weights
        fit a cache, or that the machine was busy while it was measured.

        --against llama.cpp alternates runs. The ratio is the median over the
        rounds, above 1 where llmagentos is better; llama.cpp counts at its
        best of flash attention on and off and, for streams, of one KV cache
        for all of them and one for each.
        """
        metrics = _metrics(prefill, _numbers(contexts, "--contexts", 0), _numbers(batches, "--batches", 1, MAX_STREAMS))
        if peer_python is not None and against is None:
            raise typer.BadParameter("it is for --against llama.cpp", param_hint="--peer-python")
        if json_file not in (None, "-"):
            _check_writable(Path(str(json_file)))
        try:
            _run(model, threads, metrics, new_tokens, repeats, json_file, against and (peer_python or sys.executable))
        except KeyboardInterrupt:
            print("\nstopped: nothing was kept", file=sys.stderr)
            raise typer.Exit(130) from None


def _run(
    model: str,
    threads: int | None,
    metrics: list[Metric],
    new_tokens: int,
    repeats: int,
    json_file: str | None,
    peer_python: str | None,
) -> None:
    from llmagentos._core.runtime import machine
    from llmagentos.bench.pinning import cpus_for
    from llmagentos.bench.progress import Progress
    from llmagentos.bench.report import as_json
    from llmagentos.bench.session import run_session
    from llmagentos.bench.sides import Setting, llamacpp_build
    from llmagentos.calls.prompts import check_positive
    from llmagentos.cli.bench_table import print_session
    from llmagentos.cli.output import json_of
    from llmagentos.loading.settings import MAX_THREADS
    from llmagentos.market import known_as, resolve
    from llmagentos.models import open_checkpoint

    check_positive("threads", threads, most=MAX_THREADS)
    peer = None if peer_python is None else f"llama-cpp-python {llamacpp_build(peer_python)}"
    path = resolve(model)
    checkpoint = open_checkpoint(path)
    name = known_as(model) or checkpoint.name
    threads = threads or machine()["usable_cpus"]
    setting = Setting(path, threads, cpus_for(threads), new_tokens)
    session = run_session(checkpoint, setting, metrics, repeats, Progress(), peer_python)
    if json_file is not None:
        text = json_of(as_json(session, name, setting, checkpoint, repeats, peer))
        if json_file == "-":
            print(text)
            return
    try:
        if json_file is not None:
            Path(json_file).write_text(text + "\n", encoding="utf-8")
    finally:  # what was measured is shown even if the file cannot be written after all
        print_session(session, name, setting, checkpoint, peer)


def _check_writable(file: Path) -> None:
    """Opens the file as it will be written, and leaves everything as it was.

    Raises:
        typer.BadParameter: it is a folder, has none, or may not be written.
    """
    try:
        is_new = not file.exists()
        if is_new or file.is_file() or file.is_dir():  # what reads from a pipe would take this for the end
            file.open("ab").close()
        if is_new:
            file.resolve().unlink()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--json") from None


def _metrics(prefill: int, contexts: list[int], batches: list[int]) -> list[Metric]:
    from llmagentos.bench.metrics import FIRST_PROMPT, Metric

    return [
        Metric("prefill", prefill),
        *(Metric("decode", n) for n in contexts),
        *(Metric("streams", n) for n in batches),
        Metric("first", FIRST_PROMPT),
        Metric("start", FIRST_PROMPT),
        Metric("memory", MEMORY_CONTEXT),
    ]


def _numbers(text: str, option: str, least: int, most: int = 2**31 - 1) -> list[int]:
    """The numbers of a list such as "0,1000", each once; the empty text is none."""
    numbers = []
    for part in filter(None, text.split(",")):
        try:
            number = int(part)
        except ValueError:
            number = -1
        if not least <= number <= most:
            raise typer.BadParameter(f"{part!r} is not a number from {least} to {most}", param_hint=option)
        numbers.append(number)
    return list(dict.fromkeys(numbers))
