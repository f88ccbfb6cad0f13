"""Tools that look at and prepare data sets of texts below one folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.tools.bounds import Count, Name, Path, Share
from llmagentos.tools.data_preparation import clean_text, exact_duplicates, split
from llmagentos.tools.near_duplicates import near_duplicates
from llmagentos.tools.rooted import Root
from llmagentos.tools.tables import MAX_BYTES, read_table
from llmagentos.tools.tool import Tool, tool
from llmagentos.tools.words import without_stop_words, words

_COMMON = 20  # words that describe_texts shows


def data_tools(root: str | os.PathLike[str]) -> list[Tool]:
    """Tools for data sets below the folder `root`: .txt files with a text a line, or tables with a column of texts.

    New files are written below it too; none is written over.

    Raises:
        InvalidRequestError: `root` is no folder.
    """
    folder = Root(root)

    @tool(idempotent=True)
    def describe_texts(path: Path, column: Name = "text") -> dict[str, Any]:
        """Tell how many texts and words a data set has, how many texts are repeated, and which words are common.

        Args:
            path: a .txt file with a text a line, or a .csv, .tsv, .json or .jsonl table.
            column: the table's column with the texts.
        """
        texts = _texts(folder, path, column)
        found = [words(text) for text in texts]
        counts = Counter(word for text in found for word in without_stop_words(text))
        lengths = sorted(map(len, found))
        return {
            "texts": len(texts),
            "words": sum(lengths),
            "median_words": lengths[len(lengths) // 2] if lengths else 0,
            "longest_words": lengths[-1] if lengths else 0,
            "repeated_texts": sum(number is not None for number in exact_duplicates(texts)),
            "common_words": [f"{word} ({count})" for word, count in counts.most_common(_COMMON)],
        }

    @tool
    def prepare_texts(
        path: Path,
        target: Path,
        column: Name = "text",
        min_words: Count = 1,
        near_duplicates_too: bool = False,
        validation_share: Share = 0.05,
        test_share: Share = 0.05,
    ) -> dict[str, Any]:
        """Clean a data set, drop short and repeated texts, and split it for training, validation and test.

        Args:
            path: a .txt file with a text a line, or a .csv, .tsv, .json or .jsonl table.
            target: how the new files begin, such as "data/news", which makes "data/news-train.jsonl" and others.
            column: the table's column with the texts.
            min_words: texts with fewer words are dropped.
            near_duplicates_too: whether texts that nearly repeat another one are dropped as well.
            validation_share: share of the texts for validation, from 0 to 1.
            test_share: share of the texts for the test, from 0 to 1.
        """
        given = _texts(folder, path, column)
        cleaned = [clean_text(text) for text in given]
        long_enough = [text for text in cleaned if len(words(text)) >= max(min_words, 1)]
        repeated = near_duplicates(long_enough) if near_duplicates_too else exact_duplicates(long_enough)
        kept = [text for text, same in zip(long_enough, repeated, strict=True) if same is None]
        shares = {"train": 1 - validation_share - test_share, "validation": validation_share, "test": test_share}
        try:
            parts = split(kept, shares)
        except InvalidRequestError:
            raise ToolError(
                f"validation_share={validation_share} and test_share={test_share} are not valid: each must be 0 or "
                "more, and together at most 1"
            ) from None
        files = {f"{target}-{name}.jsonl": [kept[i] for i in numbers] for name, numbers in parts.items() if numbers}
        for name in files:
            if folder.exists(name):
                raise ToolError(f"{shown(name)} exists already; choose another target")
        for name, texts in files.items():
            lines = (json.dumps({"text": text}, ensure_ascii=False) for text in texts)
            folder.write_new(name, "".join(f"{line}\n" for line in lines).encode("utf-8"))
        return {
            "texts": len(given),
            "too_short": len(given) - len(long_enough),
            "repeated": len(long_enough) - len(kept),
            "files": {name: len(texts) for name, texts in files.items()},
        }

    return [describe_texts, prepare_texts]


def _texts(folder: Root, path: str, column: str) -> list[str]:
    """The texts of a data set; lines and rows that are empty are none.

    Raises:
        ToolError: the file cannot be read, or its table has no such column of texts.
    """
    text = folder.read_text(path, MAX_BYTES)
    if path.lower().endswith(".txt"):
        return [line for line in text.split("\n") if line.strip()]
    rows = read_table(path, text)
    if rows and column not in rows[0]:
        raise ToolError(f"{shown(path)} has no column {shown(column)}; its columns are {', '.join(rows[0])}")
    texts = [row[column] for row in rows if row[column] is not None]
    for value in texts:
        if not isinstance(value, str):
            raise ToolError(f"the column {shown(column)} of {shown(path)} holds {shown(value)}, which is no text")
    return [value for value in texts if value.strip()]
