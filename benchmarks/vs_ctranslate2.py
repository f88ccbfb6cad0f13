"""Is it faster than CTranslate2 in int8? The same weights, machine and number of pinned threads, alternating runs.

usage: python benchmarks/vs_ctranslate2.py MODEL.gguf PEER_PYTHON FOLDER [--rounds N] [--threads N] [--metrics ...]

PEER_PYTHON is the Python of an environment of its own that has ctranslate2. FOLDER is the model as it reads it:
    python benchmarks/convert_to_ctranslate2.py MODEL.gguf FOLDER
in an environment with ctranslate2, torch, transformers and gguf.
"""

from __future__ import annotations

import sys
from pathlib import Path

import harness

from llmagentos.bench.alternate import Side
from llmagentos.bench.pinning import openmp_pinning
from llmagentos.errors import LLMAgentOSError

METRICS = ["prefill 512", "decode", "decode @1000", "8 streams", "16 streams"]
PROGRAM = Path(__file__).parent / "sides" / "ctranslate2_side.py"


def main() -> None:
    parser = harness.parser(__doc__, METRICS)
    parser.add_argument("peer_python")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    setting = harness.setting(parser, arguments)
    command = [arguments.peer_python, str(PROGRAM), *setting.options(), str(arguments.folder), str(setting.threads)]
    try:
        peer = Side("CTranslate2 int8", command, openmp_pinning(setting.cpus))
        harness.compare_with("vs_ctranslate2", "CTranslate2 int8", [peer], setting, arguments)
    except LLMAgentOSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
