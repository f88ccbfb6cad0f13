"""Stands in for the hub on this machine's loopback: serves repositories as its HTTP interface does, and misbehaves."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repository:
    """Files of one commit per revision. Those of more than 1,000 bytes are kept elsewhere, as large files are.

    Attributes:
        requires: the token that may read it, or None where all may.
        is_gated: whether it is listed for everybody, and only reading its files needs the token.
        pull_requests: (number, author, title) of the open ones.
    """

    revisions: dict[str, dict[str, bytes]]
    requires: str | None = None
    is_gated: bool = False
    pull_requests: list[tuple[int, str, str]] = field(default_factory=list)

    def commit(self, revision: str) -> str | None:
        """The commit that a revision is, which may also be a commit itself."""
        for name, files in self.revisions.items():
            commit = hashlib.sha1(repr((name, sorted(files.items()))).encode()).hexdigest()
            if revision in (name, commit):
                return commit
        return None

    def files(self, revision: str) -> dict[str, bytes]:
        return next(files for name, files in self.revisions.items() if self.commit(name) == self.commit(revision))


@dataclass
class FakeHub:
    """What is served, and what was asked.

    Attributes:
        cuts: by path of a file: how many answers break off in the middle.
        damaged: paths of files whose bytes arrive changed.
        rangeless: paths of files that arrive from their beginning, whatever part was asked for.
        statuses: by path of a file: the status that answers it.
        asked: "METHOD path" of each request, with the first byte where it asked for a range.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    rangeless: set[str] = field(default_factory=set)
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""
    elsewhere: str = ""

    def put(self, repo: str, files: dict[str, bytes], revision: str = "main") -> Repository:
        repository = self.repositories.setdefault(repo, Repository({}))
        repository.revisions[revision] = files
        return repository

    def fetched(self) -> list[str]:
        """Paths of files whose bytes were asked for, in order."""
        gets = [request for request in self.asked if request.startswith("GET ") and "/resolve/" in request]
        return [request.split("/resolve/")[1].partition("/")[2] for request in gets]


@contextmanager
def serving(hub: FakeHub) -> Iterator[None]:
    """Serves until the block ends: at `hub.endpoint`, and the bytes of large files at `hub.elsewhere`."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    hub.endpoint, hub.elsewhere = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body sent after its head would wait for the head's acknowledgement

    def log_message(self, *_: object) -> None:
        """Standard error is for what the tests look at."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        start = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        self.hub.asked.append(f"{self.command} {unquote(url.path)}" + (f" from {start}" if start else ""))
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        if parts[:2] == ["api", "models"]:
            self._api("/".join(parts[2:4]), parts[4:], parse_qs(url.query))
        elif len(parts) > 4 and parts[2] == "resolve":
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]), int(start or 0))
        elif parts[0] == "elsewhere":
            assert "authorization" not in self.headers, "a token was sent to another host"
            self._resolve("/".join(parts[1:3]), parts[3], "/".join(parts[4:]), int(start or 0), is_here=True)
        else:
            self._send(404)

    def _api(self, repo: str, what: list[str], query: dict[str, list[str]]) -> None:
        repository = self.hub.repositories.get(repo)
        if repository is None or not (repository.is_gated or self._may_read(repository)):
            self._refuse_unknown()
        elif what == ["discussions"]:
            assert query["author"] == ["SFconvertbot"]
            found = [
                {
                    "num": number,
                    "author": {"name": author},
                    "title": title,
                    "status": "open",
                    "isPullRequest": True,
                    "createdAt": "2024-01-01T00:00:00.000Z",
                    "repo": {"name": repo, "type": "model"},
                }
                for number, author, title in repository.pull_requests
            ]
            self._send_json({"discussions": found, "count": len(found), "start": 0})
        elif what[:1] == ["revision"] and (commit := repository.commit(what[1])) is not None:
            assert query["blobs"] == ["true"]
            files = [_sibling(path, data) for path, data in repository.files(commit).items()]
            self._send_json({"id": repo, "modelId": repo, "sha": commit, "siblings": files, "tags": []})
        else:
            self._send(404, {"X-Error-Code": "RevisionNotFound"})

    def _resolve(self, repo: str, revision: str, path: str, start: int, is_here: bool = False) -> None:
        repository = self.hub.repositories.get(repo)
        if path in self.hub.statuses:
            self._send(self.hub.statuses[path])
        elif repository is None or not (is_here or repository.is_gated or self._may_read(repository)):
            self._refuse_unknown()
        elif repository.is_gated and not is_here and not self._may_read(repository):
            status = 403 if "authorization" in self.headers else 401
            self._send(status, {"X-Error-Code": "GatedRepo"})
        elif (commit := repository.commit(revision)) is None:
            self._send(404, {"X-Error-Code": "RevisionNotFound"})
        elif path not in repository.files(commit):
            self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        else:
            self._send_file(repo, commit, path, repository.files(commit)[path], start, is_here)

    def _send_file(self, repo: str, commit: str, path: str, data: bytes, start: int, is_here: bool) -> None:
        headers = {"X-Repo-Commit": commit, "ETag": f'"{_hash(data)}"', "Accept-Ranges": "bytes"}
        if _is_large(data) and not is_here:
            headers |= {"X-Linked-ETag": f'"{_hash(data)}"', "X-Linked-Size": str(len(data))}
            self._send(302, {**headers, "Location": f"{self.hub.elsewhere}/elsewhere/{repo}/{commit}/{path}"})
            return
        start = 0 if path in self.hub.rangeless else start
        sent = data[start:]
        if path in self.hub.damaged:
            sent = bytes([sent[0] ^ 1]) + sent[1:]
        if self.command == "GET" and self.hub.cuts.get(path, 0) > 0:
            self.hub.cuts[path] -= 1
            self._send(206 if start else 200, {**headers, "Content-Length": str(len(sent))}, sent[: len(sent) // 2])
            self.close_connection = True
            return
        self._send(206 if start else 200, headers, sent)

    def _may_read(self, repository: Repository) -> bool:
        return repository.requires in (None, self.headers.get("Authorization", "").removeprefix("Bearer "))

    def _refuse_unknown(self) -> None:
        self._send(401, {"X-Error-Code": "RepoNotFound"})  # the hub does not say which repositories are private

    def _send_json(self, value: object) -> None:
        self._send(200, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def _send(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _is_large(data: bytes) -> bool:
    return len(data) > 1000


def _hash(data: bytes) -> str:
    if _is_large(data):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def _sibling(path: str, data: bytes) -> dict[str, object]:
    sibling: dict[str, object] = {"rfilename": path, "size": len(data), "blobId": "0" * 40}
    if _is_large(data):
        return {**sibling, "lfs": {"sha256": _hash(data), "size": len(data), "pointerSize": 130}}
    return {**sibling, "blobId": _hash(data)}
