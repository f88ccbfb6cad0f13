"""Generate with the default model: one prompt, a batch, a stream, a conversation."""

from llmagentos import LLM, SamplingParams

with LLM() as llm:
    print(llm.generate_text("Name three fruits.", max_length=40))

    greedy = SamplingParams(temperature=0, max_tokens=16)
    for completion in llm.generate(["The capital of France is", "Water boils at"], greedy):
        print(completion.text, completion.usage)

    for chunk in llm.stream("Once upon a time", SamplingParams(temperature=0.7, seed=1, max_tokens=40)):
        print(chunk.text, end="", flush=True)
    print()

    messages = [{"role": "system", "content": "Answer in one sentence."}, {"role": "user", "content": "What is rain?"}]
    print(llm.chat(messages, SamplingParams(temperature=0, max_tokens=60)).text)
