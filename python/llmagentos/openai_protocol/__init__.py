"""OpenAI's chat completions, as those who answer them read and write them: the server, and models for other frameworks.

```
request.py: a body -> ChatRequest -> what LLM.chat takes
answer.py:  Completion, Chunk -> an answer, events of a stream
```
"""
