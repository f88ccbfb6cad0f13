"""Writes model.onnx into a folder of an encoder in BERT's shape, for benchmarks/embeddings.py.

usage: python benchmarks/convert_to_onnx.py FOLDER

Needs torch, transformers, onnx and onnxscript.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel


class LastHidden(torch.nn.Module):
    """The last hidden state alone."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor) -> Any:
        return self.model(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def main() -> None:
    folder = Path(sys.argv[1])
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.randint(0, 1000, (2, 16))
    sizes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=model.config.max_position_embeddings)}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        LastHidden(model),
        (ids, torch.ones_like(ids), torch.zeros_like(ids)),
        str(folder / "model.onnx"),
        input_names=names,
        dynamic_shapes=dict.fromkeys(names, sizes),
        external_data=False,
    )


if __name__ == "__main__":
    main()
