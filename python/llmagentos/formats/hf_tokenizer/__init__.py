"""Tokenizers of transformers' folders: whichever of their kinds of files is there, run by the `tokenizers` package."""

from llmagentos.formats.hf_tokenizer.files import open_tokenizer
from llmagentos.formats.hf_tokenizer.tokenizer import HfTokenizer

__all__ = ["HfTokenizer", "open_tokenizer"]
