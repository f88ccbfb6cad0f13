"""Ask a service's model, or any server of OpenAI's protocol: `python examples/remote.py http://127.0.0.1:8000/v1#MODEL`.

Without an argument OpenAI is asked, which needs OPENAI_API_KEY.
"""

import sys

from llmagentos import LLM, ProviderError

model = sys.argv[1] if len(sys.argv) > 1 else "gpt-3"

try:
    with LLM(model) as llm:
        print(llm.info)
        print(llm.generate_text("Name three fruits.", max_length=200))

        messages = [{"role": "user", "content": "Write one sentence about rain."}]
        for chunk in llm.stream(messages):
            print(chunk.text, end="", flush=True)
            if chunk.finish_reason is not None:
                print(f"\n{chunk.finish_reason}, {chunk.usage}")
except ProviderError as error:  # no key, no connection, a refusal, ...
    sys.exit(f"{error} (may succeed later: {error.retryable})")
