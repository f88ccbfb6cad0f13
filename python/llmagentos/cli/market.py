"""`llmagentos market`: applications and models, found, shown, installed and checked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from llmagentos.market.applications.index import Offer
    from llmagentos.market.applications.manifest import Manifest

Index: TypeAlias = Annotated[
    str | None, typer.Option("--index", help="URL of an index (JSON) to look for applications in as well.")
]
_FIELDS = ("kind", "name", "version", "licence", "source", "description")


def register(app: typer.Typer) -> None:
    """Adds `market` to the app."""
    market = typer.Typer(no_args_is_help=True, help="Applications and models: list, search, show, install, check.")
    app.add_typer(market, name="market")

    @market.command("list")
    def list_all(index: Index = None) -> None:
        """List applications and models. In a pipe: one line each, fields separated by tabs."""
        _print(_rows(index))

    @market.command()
    def search(
        text: Annotated[str, typer.Argument(help="Words that name, description or licence must contain.")],
        index: Index = None,
    ) -> None:
        """List the applications and models that a text fits."""
        wanted = text.lower().split()
        _print([row for row in _rows(index) if all(word in " ".join(row).lower() for word in wanted)])

    @market.command()
    def show(name: Annotated[str, typer.Argument(help="Of an application or a model.")], index: Index = None) -> None:
        """Show what an application or model is, what it needs and what it may do."""
        _show(name, index)

    @market.command()
    def install(
        source: Annotated[
            str, typer.Argument(help="A name of the index, ./folder, file.zip, or the URL of a zip archive.")
        ],
        index: Index = None,
        sha256: Annotated[str | None, typer.Option("--sha256", help="The hash that the archive must have.")] = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ) -> None:
        """Install an application, after showing what it may do."""
        _install(source, index, sha256, yes)

    @market.command()
    def uninstall(name: Annotated[str, typer.Argument(help="Of an installed application.")]) -> None:
        """Remove an application that was installed."""
        from llmagentos.market.applications.install import uninstall

        uninstall(name)
        print(f"{name} is removed")

    @market.command("publish-check")
    def publish_check(
        folder: Annotated[str, typer.Argument(help="The application's folder.")],
        archive: Annotated[
            str | None, typer.Option("--archive", help="Write the application there as a zip archive, if it is fit.")
        ] = None,
    ) -> None:
        """Check whether an application is fit to be published, and print its entry for an index."""
        _publish_check(folder, archive)


def print_manifest(manifest: Manifest) -> None:
    """Prints what an application is, and what it may do to the machine."""
    from llmagentos.cli.output import printable
    from llmagentos.tools.catalogue import available_tools

    tools = {entry.name: entry.permission for entry in available_tools()}
    print(printable(f"{manifest.name} {manifest.version}, {manifest.licence}: {manifest.description}"))
    if manifest.models:
        print(printable(f"Models: {', '.join(manifest.models)}"))
    if manifest.tools:
        print(printable(f"Tools: {', '.join(manifest.tools)}"))
    may = [tools.get(name, f"uses the unknown tool {name!r}") for name in manifest.tools]
    print("It says that it:")
    for permission in dict.fromkeys([*filter(None, may), *manifest.permissions]) or ["needs nothing but to compute"]:
        print(printable(f"  - {permission}"))
    print("It is a Python program and runs with your rights: use what you trust.")


def _rows(index: str | None) -> list[tuple[str, ...]]:
    """Applications, then models, by the fields of _FIELDS."""
    from llmagentos.cli.models import source_of
    from llmagentos.market import catalogue
    from llmagentos.market.applications.sources import applications

    found = [(application.manifest, application.source) for application in applications(_told)]
    found += [(offer.manifest, "index") for offer in _offers(index)]
    rows: list[tuple[str, ...]] = [
        ("application", manifest.name, manifest.version, manifest.licence, source, manifest.description)
        for manifest, source in found
    ]
    models = (("model", entry.name, "-", entry.licence, source_of(entry), entry.description) for entry in catalogue())
    return [*rows, *models]


def _told(error: Exception) -> None:
    from llmagentos.cli.output import printable

    print(printable(f"left out: {error}"), file=sys.stderr)


def _offers(index: str | None) -> list[Offer]:
    from llmagentos.market.applications.index import read_index

    return read_index(index, _told) if index else []


def _print(rows: list[tuple[str, ...]]) -> None:
    from llmagentos.cli.output import printable

    if not sys.stdout.isatty():
        for row in (_FIELDS, *rows):
            print("\t".join(printable(" ".join(cell.split())) for cell in row))
        return
    if not rows:
        print("nothing is like that; `llmagentos market list` lists all")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*_FIELDS, box=None)
    for row in rows:
        table.add_row(*map(printable, row))
    Console(markup=False, emoji=False).print(table)  # these are others' words


def _show(name: str, index: str | None) -> None:
    from llmagentos.cli.output import printable
    from llmagentos.errors import ApplicationError
    from llmagentos.market import RemoteEntry, find
    from llmagentos.market.applications.sources import application_named
    from llmagentos.market.progress import format_bytes

    for offer in _offers(index):
        if offer.manifest.name == name:
            print_manifest(offer.manifest)
            print(f"Archive: {printable(offer.url)}, {format_bytes(offer.n_bytes)}, sha256 {offer.sha256}")
            return
    entry = find(name)
    try:
        application = application_named(name)
    except ApplicationError:
        if entry is None:
            raise
        print(printable(f"{entry.name}, {entry.licence}: {entry.description}"))
        if isinstance(entry, RemoteEntry):
            print(f"Model for {entry.task}, which a service runs: {entry.service}")
        else:
            print(f"Model for {entry.task}, {format_bytes(entry.n_bytes)}; `llmagentos pull {entry.name}` fetches it")
        return
    print_manifest(application.manifest)
    print(printable(f"{application.source}, in {application.folder}"))


def _install(source: str, index: str | None, sha256: str | None, yes: bool) -> None:
    from llmagentos.errors import ApplicationError
    from llmagentos.market.applications.files import manifest_in, sha256_of
    from llmagentos.market.applications.install import install

    files = _files(source, index, sha256)
    print_manifest(manifest_in(source, files))
    print(f"Its files have sha256 {sha256_of(files)}")
    if not yes:
        if not sys.stdin.isatty():
            raise ApplicationError("nobody can be asked here: --yes installs it without asking")
        typer.confirm("Install it?", abort=True)
    application = install(source, files)
    print(f"{application.manifest.name} is installed; `llmagentos run {application.manifest.name}` starts it")


def _files(source: str, index: str | None, sha256: str | None) -> dict[str, bytes]:
    import os
    from pathlib import Path

    from llmagentos.errors import ApplicationError
    from llmagentos.market.applications.files import MAX_BYTES, read_archive, read_folder
    from llmagentos.market.applications.index import check_hash, download, fetch

    if source.startswith(("http://", "https://")):
        content = fetch(source, MAX_BYTES)
    elif os.path.isdir(source) and (index is None or os.path.dirname(source)):  # with an index, "name" is no folder
        if sha256 is not None:
            raise ApplicationError(f"--sha256 is for archives, and {source} is a folder")
        return read_folder(source)
    elif source.lower().endswith(".zip"):
        content = Path(source).read_bytes()
    elif index is None:
        raise ApplicationError(f"{source!r} is no folder, archive or URL; --index names where it is offered")
    else:
        offers = {offer.manifest.name: offer for offer in reversed(_offers(index))}  # the first of each name
        if source not in offers:
            raise ApplicationError(
                f"{index} offers no {source!r}; it offers {', '.join(reversed(offers)) or 'nothing'}"
            )
        content = download(offers[source])
    if sha256 is not None:
        check_hash(source, content, sha256.lower())
    return read_archive(source, content)


def _publish_check(folder: str, archive: str | None) -> None:
    import hashlib
    from dataclasses import asdict
    from pathlib import Path

    from llmagentos.cli.output import json_of, printable
    from llmagentos.market.applications.check import problems
    from llmagentos.market.applications.files import manifest_in, read_folder, sha256_of, write_archive
    from llmagentos.tools.catalogue import available_tools

    files = read_folder(folder)
    found = problems(folder, files, {entry.name for entry in available_tools()})
    for problem in found:
        print(printable(f"problem: {problem}"), file=sys.stderr)
    if found:
        raise typer.Exit(1)
    entry = {key: value for key, value in asdict(manifest_in(folder, files)).items() if value}
    if archive is None:
        print(f"{folder} is fit to be published; its files have sha256 {sha256_of(files)}", file=sys.stderr)
    else:
        write_archive(files, Path(archive))
        content = Path(archive).read_bytes()
        entry |= {"archive": Path(archive).name, "n_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    print(json_of(entry))
