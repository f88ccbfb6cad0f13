"""Is it faster than llama.cpp? The same file, machine, CPUs and number of threads, alternating runs.

usage: python benchmarks/vs_llamacpp.py MODEL.gguf PEER_PYTHON [--rounds N] [--threads N] [--metrics "prefill 512" ...]

PEER_PYTHON is the Python of an environment of its own that has llama-cpp-python, built for this machine:
    python -m venv peer && CMAKE_ARGS="-DGGML_NATIVE=ON" peer/bin/pip install llama-cpp-python
Run this with the Python that has llmagentos. llama.cpp counts at its best of flash attention on and off and, for
streams, of one KV cache for all of them and one for each. Metrics that do not fit the model's context are left out.
"""

from __future__ import annotations

import sys

import harness

from llmagentos.bench import sides
from llmagentos.errors import LLMAgentOSError

METRICS = [
    "prefill 512",
    "decode",
    "decode @1000",
    "decode @7000",
    "8 streams",
    "16 streams",
    "start to first token",
    "peak memory @1000",
]


def main() -> None:
    parser = harness.parser(__doc__, METRICS)
    parser.add_argument("peer_python")
    arguments = parser.parse_args()
    setting = harness.setting(parser, arguments)
    try:
        build = sides.llamacpp_build(arguments.peer_python)
        peers = sides.llamacpp(arguments.peer_python, setting)
        harness.compare_with("vs_llamacpp", f"llama-cpp-python {build}", peers, setting, arguments)
    except LLMAgentOSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
