"""What a repository on the hub holds at a revision."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace

from llmagentos.errors import ModelNotFoundError
from llmagentos.market.hub_name import DEFAULT_REVISION, HubName
from llmagentos.market.sources.hub_cache import COMMIT
from llmagentos.market.sources.hub_files import is_pickled, needed_files

_log = logging.getLogger(__name__)
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# The hub's own converter offers safetensors of models that have none as a pull request of this author and title.
_CONVERTER, _CONVERSION = "SFconvertbot", "Adding `safetensors` variant of this model"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository.

    Attributes:
        hash: what the cache calls its bytes: SHA-256 in hex, or for small files git's SHA-1 of them as a blob.
    """

    path: str
    n_bytes: int
    hash: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The files that a model needs of one commit.

    Attributes:
        files: weights last; of a GGUF file the first part first.
        is_converted: it is of the hub's converter, for a default revision that has only pickles.
    """

    commit: str
    files: tuple[HubFile, ...]
    is_converted: bool = False

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)


def list_files(name: HubName) -> Listing:
    """Asks the hub which commit the revision is, and what the model needs of it.

    Where the default revision has only pickles, the safetensors that the hub's converter offers for it are taken.

    Raises:
        ModelNotFoundError: see `needed_files`; the hub's own errors come as they are.
    """
    from huggingface_hub import HfApi

    api = HfApi(library_name="llmagentos")
    info = api.model_info(name.repo, revision=name.revision, files_metadata=True)
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
    if not name.is_gguf and name.revision == DEFAULT_REVISION and is_pickled(siblings):
        converted = _conversion(name)
        if converted is not None:
            _log.warning("%s has its weights only as pickles; %s by %s is taken", name, converted, _CONVERTER)
            return replace(list_files(replace(name, revision=converted)), is_converted=True)
    if info.sha is None or not COMMIT.fullmatch(info.sha):
        raise ModelNotFoundError(f"{name}: the hub does not say which commit {name.revision} is")
    files = []
    for path in needed_files(name, list(siblings)):
        sibling = siblings[path]
        digest = sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id
        # The hash becomes a file's name: it has to be one, whatever the hub says.
        if sibling.size is None or digest is None or not _HASH.fullmatch(digest):
            raise ModelNotFoundError(f"{name}: the hub does not say which bytes {path} has")
        files.append(HubFile(path, sibling.size, digest))
    return Listing(info.sha, tuple(files))


def _conversion(name: HubName) -> str | None:
    """The revision with the model's weights as safetensors, as the hub's converter has them."""
    from huggingface_hub import HfApi

    offered = HfApi(library_name="llmagentos").get_repo_discussions(
        name.repo, author=_CONVERTER, discussion_type="pull_request", discussion_status="open"
    )
    numbers = [one.num for one in offered if one.author == _CONVERTER and one.title == _CONVERSION]
    return f"refs/pr/{max(numbers)}" if numbers else None
