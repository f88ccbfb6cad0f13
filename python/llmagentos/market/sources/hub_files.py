"""Which files of a repository on the hub a model needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from llmagentos.errors import ModelNotFoundError
from llmagentos.gguf_names import is_projector, part_names
from llmagentos.market.hub_name import HubName

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_SHARDS = "model[-.]*-of-*.safetensors"
_SETTINGS = (
    CONFIG,
    "generation_config.json",
    "quantize_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/tool_use.jinja",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    # What sentence-transformers adds: how token vectors become one of a text, and the prompts to put before texts.
    "modules.json",
    "sentence_*_config.json",
    "config_sentence_transformers.json",
    "[0-9]_*/config.json",
    "[0-9]_*/model.safetensors",
)
# tokenizer.json says all; the others are read where there is none.
_TOKENIZER = "tokenizer.json"
_OLDER_TOKENIZERS = (
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "target.spm",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_MAX_LISTED = 30


def needed_files(name: HubName, paths: Sequence[str]) -> list[str]:
    """The paths that the model needs out of all of the repository's, weights last; of a GGUF file the first part first.

    Raises:
        ModelNotFoundError: there is no such file, more than one has the quantisation, or there are no weights that are
            safe to open. The message lists what there is.
    """
    if name.is_gguf:
        return _gguf_files(name, paths)
    if is_pickled(paths):
        pickles = [path for path in paths if path.endswith(_PICKLES)]
        raise ModelNotFoundError(
            f"{name} has its weights only as pickles ({_listed(pickles)}), which are not opened: they can run code. "
            "Convert it with transformers (save_pretrained writes safetensors) and give the folder's path"
        )
    weights = weight_files(paths)
    if CONFIG not in paths or not weights:
        ggufs = [path for path in paths if path.endswith(".gguf")]
        if ggufs:
            raise ModelNotFoundError(
                f"{name} holds GGUF files: name one, as hf:{name.repo}/FILE, or by its quantisation, as "
                f"hf:{name.repo}:Q4_K_M. There are {_listed(ggufs)}"
            )
        missing = f"{WEIGHTS} or {INDEX}" if CONFIG in paths else CONFIG
        raise ModelNotFoundError(f"{name} is no model that can be loaded: it has no {missing}")
    tokenizer = [_TOKENIZER] if _TOKENIZER in paths else [path for path in _OLDER_TOKENIZERS if path in paths]
    settings = [path for path in paths if any(fnmatchcase(path, pattern) for pattern in _SETTINGS)]
    return [*settings, *tokenizer, *weights]


def is_pickled(paths: Iterable[str]) -> bool:
    """Whether the repository's weights are there as pickles and in no other form."""
    paths = list(paths)
    return (
        CONFIG in paths
        and not weight_files(paths)
        and not any(path.endswith(".gguf") for path in paths)
        and any(path.endswith(_PICKLES) for path in paths)
    )


def weight_files(paths: Sequence[str]) -> list[str]:
    """The model's safetensors files with their index; empty where there are none."""
    if WEIGHTS in paths:
        return [WEIGHTS]
    shards = sorted(path for path in paths if fnmatchcase(path, _SHARDS))
    return [INDEX, *shards] if INDEX in paths and shards else []


def with_quantisation(name: HubName, paths: Iterable[str]) -> str:
    """The .gguf file, or the first part of it, that has the quantisation in its name.

    Raises:
        ModelNotFoundError: none has, or several have; lists them.
    """
    wanted = re.compile(rf"(?:^|[-_./]){re.escape(name.quantisation or '')}(?=\.gguf$|[-.])", re.IGNORECASE)
    models = {part_names(path)[0] for path in paths if path.endswith(".gguf") and not is_projector(path)}
    # The folder often repeats the file's name, so that only the last part of the path counts.
    found = sorted(path for path in models if wanted.search(path.rpartition("/")[2]))
    if len(found) == 1:
        return found[0]
    if found:
        raise ModelNotFoundError(f"{name} may be any of {_listed(found)}: name one, as hf:{name.repo}/{found[0]}")
    has = f"there are {_listed(sorted(models))}" if models else "it has no GGUF files"
    raise ModelNotFoundError(f"{name}: no GGUF file of {name.repo} has {name.quantisation} in its name; {has}")


def _gguf_files(name: HubName, paths: Sequence[str]) -> list[str]:
    parts = part_names(name.file or with_quantisation(name, paths))
    missing = [path for path in parts if path not in paths]
    if missing:
        models = sorted({part_names(path)[0] for path in paths if path.endswith(".gguf")})
        has = f"its GGUF files are {_listed(models)}" if models else "it has no GGUF files"
        raise ModelNotFoundError(f"{name}: {name.repo} has no file {missing[0]}; {has}")
    return parts


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MAX_LISTED} more" if len(paths) > _MAX_LISTED else ""
    return ", ".join(paths[:_MAX_LISTED]) + more
