"""Which of transformers' tokenizer classes a folder without tokenizer.json means."""

from __future__ import annotations

from pathlib import Path

from llmagentos.formats.hf_folder import read_json
from llmagentos.formats.hf_tokenizer.settings import Settings

# What to do about a class that is not known here: all of them can be written down as rules.
SAVE_HINT = (
    "have transformers write a tokenizer.json with AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"
)

# By config.json's model_type, where nothing names the class.
_BY_MODEL_TYPE = {
    "albert": "Albert",
    "bart": "Roberta",
    "bert": "Bert",
    "camembert": "Camembert",
    "codegen": "GPT2",
    "deberta-v2": "DebertaV2",
    "distilbert": "Bert",
    "electra": "Bert",
    "gemma": "Gemma",
    "gemma2": "Gemma",
    "gemma3": "Gemma",
    "gemma3_text": "Gemma",
    "gpt2": "GPT2",
    "gpt_neo": "GPT2",
    "gptj": "GPT2",
    "llama": "Llama",
    "longformer": "Roberta",
    "marian": "Marian",
    "mbart": "MBart",
    "mistral": "Llama",
    "mixtral": "Llama",
    "mobilebert": "Bert",
    "mt5": "T5",
    "opt": "GPT2",
    "pegasus": "Pegasus",
    "phi": "GPT2",
    "qwen2": "Qwen2",
    "qwen2_moe": "Qwen2",
    "qwen3": "Qwen2",
    "qwen3_moe": "Qwen2",
    "roberta": "Roberta",
    "t5": "T5",
    "umt5": "T5",
    "xlm-roberta": "XLMRoberta",
}
# Classes that are others under another name.
_SAME = {
    "Bart": "Roberta",
    "CodeGen": "GPT2",
    "DistilBert": "Bert",
    "Electra": "Bert",
    "Longformer": "Roberta",
    "MT5": "T5",
}


def kind_of(folder: Path, settings: Settings) -> str:
    """The class's name without "Tokenizer" or "TokenizerFast"; "" where nothing tells."""
    config = read_json(folder / "config.json") if (folder / "config.json").exists() else {}
    named = settings.values.get("tokenizer_class") or config.get("tokenizer_class")
    if isinstance(named, str) and named not in ("PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"):
        kind = named.removesuffix("Fast").removesuffix("Tokenizer")
        return _SAME.get(kind, kind)
    return _BY_MODEL_TYPE.get(str(config.get("model_type")), "")
