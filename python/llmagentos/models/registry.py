"""Which family builds which architecture: one line each."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from llmagentos._core.graph import Graph
from llmagentos.errors import InvalidRequestError, ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.gguf import open_gguf
from llmagentos.models.family import Family, HfForm
from llmagentos.models.fused import unfused
from llmagentos.models.head_matrices import flat_heads
from llmagentos.models.pooling import pooling_of
from llmagentos.models.rope import tensors_read

# Of each family's file: the architectures it builds as GGUF names them, and the classes that config.json may name. A
# file is imported when a model of its is opened: start-up should not pay for the others.
_FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bart": (
        ("bart",),
        (
            "BartForConditionalGeneration",
            "MBartForConditionalGeneration",
            "PegasusForConditionalGeneration",
            "MarianMTModel",
            "M2M100ForConditionalGeneration",
        ),
    ),
    "bert": (
        ("bert",),
        (
            "BertModel",
            "BertForMaskedLM",
            "BertForSequenceClassification",
            "RobertaModel",
            "RobertaForMaskedLM",
            "RobertaForSequenceClassification",
            "XLMRobertaModel",
            "XLMRobertaForMaskedLM",
            "XLMRobertaForSequenceClassification",
            "CamembertModel",
            "CamembertForMaskedLM",
            "CamembertForSequenceClassification",
        ),
    ),
    "bloom": (("bloom",), ("BloomForCausalLM",)),
    "deepseek": (("deepseek2",), ("DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM")),
    "distilbert": ((), ("DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification")),
    "falcon": (("falcon",), ("FalconForCausalLM",)),
    "gemma": (
        ("gemma", "gemma2", "gemma3", "gemma-embedding"),
        (
            "GemmaForCausalLM",
            "Gemma2ForCausalLM",
            "Gemma3ForCausalLM",
            "Gemma3TextModel",
            "Gemma3ForConditionalGeneration",
        ),
    ),
    "gemma3n": (("gemma3n",), ("Gemma3nForCausalLM", "Gemma3nForConditionalGeneration")),
    "gpt2": (("gpt2",), ("GPT2LMHeadModel",)),
    "gpt_bigcode": (("starcoder",), ("GPTBigCodeForCausalLM",)),
    "gpt_neo": (("gptneo",), ("GPTNeoForCausalLM",)),
    "gpt_neox": (("gptneox",), ("GPTNeoXForCausalLM",)),
    "gpt_oss": (("gpt-oss",), ("GptOssForCausalLM",)),
    "gptj": (("gptj",), ("GPTJForCausalLM",)),
    "granite": (("granite", "granitemoe"), ("GraniteForCausalLM", "GraniteMoeForCausalLM")),
    "llama": (("llama",), ("LlamaForCausalLM", "MinistralForCausalLM", "MistralForCausalLM", "MixtralForCausalLM")),
    "llama4": (("llama4",), ("Llama4ForCausalLM", "Llama4ForConditionalGeneration")),
    "mistral3": (("mistral3",), ("Ministral3ForCausalLM", "Mistral3ForConditionalGeneration")),
    "modernbert": (
        ("modern-bert",),
        ("ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"),
    ),
    "mpnet": (("mpnet",), ("MPNetModel", "MPNetForMaskedLM", "MPNetForSequenceClassification")),
    "mpt": (("mpt",), ("MptForCausalLM", "MPTForCausalLM")),
    "nomicbert": (("nomic-bert",), ("NomicBertModel",)),
    "olmo2": (("olmo2",), ("Olmo2ForCausalLM", "Olmo3ForCausalLM")),
    "opt": (("opt",), ("OPTForCausalLM",)),
    "phi2": (("phi2",), ("PhiForCausalLM",)),
    "phi3": (("phi3",), ("Phi3ForCausalLM",)),
    "qwen2": (("qwen2", "qwen3"), ("Qwen2ForCausalLM", "Qwen3ForCausalLM")),
    "qwen_moe": (
        ("olmoe", "qwen2moe", "qwen3moe"),
        ("OlmoeForCausalLM", "Qwen2MoeForCausalLM", "Qwen3MoeForCausalLM"),
    ),
    "smollm3": (("smollm3",), ("SmolLM3ForCausalLM",)),
    "stablelm": (("stablelm",), ("StableLmForCausalLM",)),
    "t5": (("t5",), ("T5ForConditionalGeneration", "MT5ForConditionalGeneration", "UMT5ForConditionalGeneration")),
}
_BY_ARCHITECTURE = {name: module for module, (names, _) in _FAMILIES.items() for name in names}
_BY_HF_CLASS = {name: module for module, (_, names) in _FAMILIES.items() for name in names}
# Decoders that were saved without their head, as models of embeddings are: the class with it.
_HEADED = re.compile(r"(.*?)(ForCausalLM|LMHeadModel)")
_BY_HEADLESS = {f"{match[1]}Model": match[0] for match in map(_HEADED.fullmatch, _BY_HF_CLASS) if match} | {
    "Gemma3TextModel": "Gemma3ForCausalLM",
    "Gemma3nTextModel": "Gemma3nForCausalLM",
}
_HEAD_NORMS = {"attn_q_norm.weight": "attn_q.weight", "attn_k_norm.weight": "attn_k.weight"}
_IN_LAYER = re.compile(r"(?P<stack>(?:enc\.|dec\.)?blk\.)(?P<layer>\d+)\.(?P<part>.+)")


def supported_architectures() -> list[str]:
    """Names as GGUF's general.architecture has them."""
    return sorted(_BY_ARCHITECTURE)


def supported_hf_classes() -> list[str]:
    """Names as config.json has them under "architectures"."""
    return sorted(_BY_HF_CLASS)


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Open a .gguf file or a folder as transformers saves it.

    Raises:
        ModelNotFoundError: nothing there, or a folder without config.json or weights.
        ModelFormatError: a file is broken; has the byte offset where one is at fault.
        UnsupportedModelError: it needs something this build does not have.
    """
    path = Path(path)
    if not path.exists():
        raise ModelNotFoundError(f"there is no file {path}")
    if not path.is_dir():
        checkpoint = open_gguf(path)
        is_known = checkpoint.architecture in _BY_ARCHITECTURE
        return _with_pooling(flat_heads(unfused(checkpoint)) if is_known else checkpoint)
    from llmagentos.formats.hf_folder import HfFolder
    from llmagentos.models.hf_checkpoint import hf_checkpoint

    folder = HfFolder(path)
    classes = folder.config.get("architectures")
    if not isinstance(classes, list) or not classes:
        raise ModelFormatError(f"{path}: config.json names no class under architectures", str(path))
    given = str(classes[0])
    name = given if given in _BY_HF_CLASS else _BY_HEADLESS.get(given)
    if given in _BY_HF_CLASS and given in _BY_HEADLESS and not folder.config.get("use_bidirectional_attention"):
        name = _BY_HEADLESS[given]  # a decoder without its head, and no encoder
    if name is None:
        raise UnsupportedModelError(
            f"{path}: class {given!r} is not supported; these are: {', '.join(supported_hf_classes())}"
        )
    return _with_pooling(hf_checkpoint(folder, _family(_BY_HF_CLASS[name]).hf[name], has_head=name == given))


def build_graph(checkpoint: Checkpoint) -> Graph:
    """The checkpoint's model as a graph whose output is the logits of the selected rows, or what it pools them to.

    Raises:
        UnsupportedModelError: an unknown architecture, an option of it that is not built, a tensor that is missing or
            has another shape, or a tensor or an option that the graph would leave unused: without it the answers
            would be another model's.
        ModelFormatError: metadata is missing or of the wrong type.
    """
    module = _BY_ARCHITECTURE.get(checkpoint.architecture)
    if module is None:
        raise UnsupportedModelError(
            f"{checkpoint.path}: architecture {checkpoint.architecture!r} is not supported; "
            f"these are: {', '.join(supported_architectures())}"
        )
    graph, family = Graph(), _family(module)
    try:
        family.build(checkpoint, graph)
    except InvalidRequestError as error:
        # The graph's own checks: sizes of the metadata that do not fit each other.
        raise UnsupportedModelError(f"{checkpoint.path}: {error}") from error
    _check_layers(checkpoint, checkpoint.architecture in family.head_norms)
    _check_tensors(checkpoint, graph, family.left_out(checkpoint))
    _check_metadata(checkpoint)
    return graph


def hf_forms(architecture: str) -> list[HfForm]:
    """The forms in which transformers has models of an architecture that GGUF names."""
    forms = (form for module in _FAMILIES for form in _family(module).hf.values())
    return [form for form in forms if form.architecture == architecture]


def _with_pooling(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with how it pools its rows: as it says, or the mean for an encoder that does not."""
    module = _BY_ARCHITECTURE.get(checkpoint.architecture)
    is_encoder = module is not None and _family(module).is_encoder
    return replace(checkpoint, pooling=pooling_of(checkpoint, is_encoder))


def _family(module: str) -> Family:
    family: Family = import_module(f"llmagentos.models.{module}").FAMILY
    return family


def _check_tensors(checkpoint: Checkpoint, graph: Graph, left_out: Collection[str]) -> None:
    used = tensors_read(checkpoint).union(left_out)
    if checkpoint.pooling is not None:
        used |= {"output.weight", "output.bias"}  # the head of a model that could generate as well
    for name, shape in graph.weights:
        spec = checkpoint.tensors.spec(name)
        if spec is None:
            raise UnsupportedModelError(f"{checkpoint.path}: there is no tensor {name}, which the architecture needs")
        if spec.shape not in (shape, shape[1:] if shape[0] == 1 else shape):  # a single row may be a vector
            raise UnsupportedModelError(
                f"{checkpoint.path}: tensor {name} has shape {list(spec.shape)}, the architecture needs {list(shape)}"
            )
        used.add(name)
    unused = [name for name in checkpoint.tensors.names() if name not in used]
    if unused:
        raise UnsupportedModelError(
            f"{checkpoint.path}: the model uses tensors this build has no place for: {_some_of(unused)}"
        )


def _check_layers(checkpoint: Checkpoint, needs_head_norms: bool) -> None:
    """That a bias, or a norm of heads, which a model may have or not, is with its weight in all layers or in none."""
    layers: dict[tuple[str, str], set[str]] = {}
    for match in filter(None, map(_IN_LAYER.fullmatch, checkpoint.tensors.names())):
        layers.setdefault((match["stack"], match["part"]), set()).add(match["layer"])
    for part in _HEAD_NORMS if needs_head_norms else ():
        if ("blk.", part) not in layers:
            raise UnsupportedModelError(f"{checkpoint.path}: there are no tensors {part}, which the architecture needs")
    for (stack, part), has in layers.items():
        if part in _HEAD_NORMS or part.endswith(".bias"):
            weight = _HEAD_NORMS.get(part, part.removesuffix(".bias") + ".weight")
            lacking = layers.get((stack, weight), set()) - has
            if lacking:
                name = f"{stack}{min(lacking)}.{part}"
                raise UnsupportedModelError(f"{checkpoint.path}: there is no tensor {name}, which other layers have")


def _check_metadata(checkpoint: Checkpoint) -> None:
    """An option that nothing has read is one that the graph does not have."""
    ignored = checkpoint.metadata.unread()
    if ignored:
        raise UnsupportedModelError(
            f"{checkpoint.path}: the model sets options this build has no place for: {_some_of(ignored)}"
        )


def _some_of(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
