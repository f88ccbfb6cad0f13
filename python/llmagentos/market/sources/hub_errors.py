"""What the hub, the network and the disk refuse, as errors that say what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.hub_name import HubName
from llmagentos.market.progress import format_bytes

_DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_ACCESS_ADVICE = "set HF_TOKEN to a token that may read it, or run `hf auth login`"
_CACHE_ADVICE = "set HF_HOME to a folder elsewhere"


@contextmanager
def hub_errors(name: HubName, folder: Path) -> Iterator[None]:
    """Turns what goes wrong while `name` is fetched into `folder` into ModelNotFoundError."""
    # The HTTP client's root error, by whatever name this version of huggingface_hub imports the client.
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        GatedRepoError,
        HfHubHTTPError,
        HTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        raise ModelNotFoundError(_gated(name)) from error
    except RevisionNotFoundError as error:
        raise ModelNotFoundError(f"{name}: {name.repo} has no revision {name.revision}") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFoundError(_no_repository(name)) from error
    except OfflineModeIsEnabled as error:
        raise ModelNotFoundError(offline(name, folder, "HF_HUB_OFFLINE")) from error
    except HfHubHTTPError as error:
        raise ModelNotFoundError(_status(name, error.response.status_code, error.server_message)) from error
    except HTTPError as error:
        raise ModelNotFoundError(
            f"cannot fetch {name}, the hub cannot be reached: {_first_line(error)}. Check the connection and pull "
            "again: what has arrived is kept. HF_ENDPOINT names another hub"
        ) from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise ModelNotFoundError(
                f"no disk space for {name} in {folder}: the disk filled up while pulling; what has arrived is kept. "
                f"Free some, or {_CACHE_ADVICE}"
            ) from error
        if error.errno is None:  # huggingface_hub's own
            raise ModelNotFoundError(f"cannot fetch {name}: {_first_line(error)}. Pull again") from error
        raise ModelNotFoundError(
            f"cannot store {name} in {folder}: {error.strerror}. Make it writable, or {_CACHE_ADVICE}"
        ) from error


def no_space(name: HubName, folder: Path, needed: int, free: int) -> ModelNotFoundError:
    """The error where a pull would fill the disk."""
    return ModelNotFoundError(
        f"no disk space for {name} in {folder}: pulling it needs {format_bytes(needed)}, {format_bytes(free)} are "
        f"free. Free some, or {_CACHE_ADVICE}"
    )


def offline(name: HubName, folder: Path, variable: str) -> str:
    """What to say where `variable` forbids the network."""
    return f"{name} is not in {folder}, and {variable} forbids fetching it: unset it, or point HF_HOME to where it is"


def _gated(name: HubName) -> str:
    if _has_token():
        return f"{name} is gated, and your token is not admitted to it: accept the terms on the model's page, and wait"
    return f"{name} is gated: accept the terms on the model's page, then {_ACCESS_ADVICE}"


def _no_repository(name: HubName) -> str:
    private = "your token may not read it" if _has_token() else f"it is private: then {_ACCESS_ADVICE}"
    return f"the hub has no model {name.repo}, or {private}. Check the name"


def _status(name: HubName, status: int, server_message: str | None) -> str:
    if status in (401, 403):
        refused = "your token" if _has_token() else "an access without a token"
        return f"the hub refuses {refused} for {name} ({status}): {_ACCESS_ADVICE}"
    if status == 404:
        return _no_repository(name)
    said = f": {_first_line(server_message)}" if server_message else ""
    if status == 429:
        return f"the hub answers {name} with 429, too many requests{said}: wait a while, or {_ACCESS_ADVICE}"
    return f"the hub answers {name} with {status}{said}: try again later; what has arrived is kept"


def _has_token() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None


def _first_line(what: object) -> str:
    lines = str(what).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(what).__name__
