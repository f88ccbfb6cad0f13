"""`llmagentos quantize`: a model as a GGUF file in other weight formats."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmagentos.cli import options
from llmagentos.cli.output import printable

if TYPE_CHECKING:
    from llmagentos.formats.checkpoint import Checkpoint
    from llmagentos.quantization.imatrix import Imatrix

AS_IT_IS = "copy"


def register(app: typer.Typer) -> None:
    """Adds `quantize` to the app."""

    @app.command()
    def quantize(
        source: Annotated[str, typer.Argument(help="A catalogue name, a .gguf file or a folder of transformers.")],
        target: Annotated[Path, typer.Argument(help="The .gguf file to write.")],
        type_: Annotated[
            str,
            typer.Option(
                "--type",
                help=f"q8_0, q6_k, q5_k_m, q4_k_m, ...; f16, bf16, f32; {AS_IT_IS} keeps each weight as it is.",
            ),
        ] = "q4_k_m",
        imatrix_from: Annotated[
            Path | None,
            typer.Option(
                "--imatrix-from", help="A text to run the model over first, to learn which columns matter most."
            ),
        ] = None,
        imatrix: Annotated[
            Path | None,
            typer.Option(
                "--imatrix", help="A file of importances to read, or with --imatrix-from to write; as llama.cpp's."
            ),
        ] = None,
        adapter: Annotated[
            Path | None,
            typer.Option("--adapter", help="A LoRA adapter, a folder of PEFT's, to merge into the weights first."),
        ] = None,
        requantize: Annotated[
            bool, typer.Option("--requantize", help="Go on from weights that are rounded already.")
        ] = False,
        force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
        threads: options.Threads = None,
    ) -> None:
        """Write a model as a GGUF file in another format, with its tokenizer and chat template.

        Which tensor gets which format is as in llama.cpp's mixes of the same names. The file is there whole or not at
        all.
        """
        from llmagentos.market.progress import format_bytes, shown
        from llmagentos.quantization.gguf_file import quantized
        from llmagentos.quantization.mixes import mix_named

        mix = None if type_.lower() == AS_IT_IS else mix_named(type_, "type", [AS_IT_IS])
        _check_target(target, force)
        unchanged = _open(source, as_it_runs=adapter is not None)
        _check_other_file(target, unchanged.path)
        checkpoint = _with_adapter(unchanged, adapter)
        if imatrix_from is not None:  # what is refused is refused before the model runs over the text
            quantized(checkpoint, mix, requantize=requantize, threads=threads)
        try:
            importances = _importances(source, adapter, imatrix_from, imatrix, threads, force)
            with shown(None) as show:
                done = 0

                def progress(n_bytes: int) -> None:
                    nonlocal done
                    done += n_bytes
                    show(done, output.n_bytes, f"writing {printable(target.name)}")

                output = quantized(
                    checkpoint, mix, imatrix=importances, requantize=requantize, threads=threads, progress=progress
                )
                output.write(target)
        except KeyboardInterrupt:
            print(f"stopped: {printable(str(target))} was not written", file=sys.stderr)
            raise typer.Exit(130) from None
        bits = 8 * output.weight_bytes / checkpoint.n_parameters
        print(f"{printable(str(target))}: {format_bytes(output.n_bytes)}")
        print(
            f"weights: {format_bytes(unchanged.weight_bytes)} before, {format_bytes(output.weight_bytes)} after, ",
            end="",
        )
        print(f"{bits:.2f} bits each")
        print("formats: " + ", ".join(f"{name} {format_bytes(n)}" for name, n in output.bytes_per_format.items()))


def _check_target(target: Path, force: bool) -> None:
    from llmagentos.errors import InvalidRequestError

    if target.is_dir():
        raise InvalidRequestError(f"{target} is a folder: give the path of the .gguf file to write")
    if not target.parent.is_dir():
        raise InvalidRequestError(f"there is no folder {target.parent} to write {target.name} in")
    if target.exists() and not force:
        raise InvalidRequestError(f"{target} is there already: --force writes over it")


def _check_other_file(target: Path, source: Path) -> None:
    from llmagentos.errors import InvalidRequestError

    if target.exists() and target.samefile(source):
        raise InvalidRequestError(f"{target} is the model itself: give another file to write")


def _open(source: str, as_it_runs: bool) -> Checkpoint:
    """A file as it stands in the file, whose own metadata and tensors are what is written; or in the form that runs."""
    from llmagentos.formats.gguf import open_gguf
    from llmagentos.market import resolve
    from llmagentos.models import open_checkpoint

    path = resolve(source)
    return open_checkpoint(path) if as_it_runs or path.is_dir() else open_gguf(path)


def _with_adapter(checkpoint: Checkpoint, adapter: Path | None) -> Checkpoint:
    """The checkpoint with the adapter's changes in its weights, where there is one."""
    if adapter is None:
        return checkpoint
    from llmagentos.models.lora import AdapterBase, read_adapter
    from llmagentos.models.lora_merge import merged

    return merged(checkpoint, read_adapter(adapter, AdapterBase.of(checkpoint)))


def _importances(
    source: str, adapter: Path | None, text_file: Path | None, file: Path | None, threads: int | None, force: bool
) -> Imatrix | None:
    """Those of the text, which are kept in `file` where one is given; else those of `file`."""
    from llmagentos.errors import InvalidRequestError
    from llmagentos.quantization.imatrix import Imatrix, collect

    if text_file is None:
        return None if file is None else Imatrix.load(file)
    if file is not None:
        _check_target(file, force)
    try:
        text = text_file.read_bytes().decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{text_file} is not UTF-8 at byte {error.start}; convert it to UTF-8") from None
    found = collect(
        _with_adapter(_open(source, as_it_runs=True), adapter),
        text,
        dataset=text_file.name,
        threads=threads,
        progress=_show_windows,
    )
    if file is not None:
        found.save(file)
    return found


def _show_windows(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rwindow {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
