"""OpenAI's chat completions, as whoever answers them reads and writes them: the server, and models for other frameworks.

```
request.py: a body -> ChatRequest -> what LLM.chat takes
answer.py:  Completion, Chunk -> an answer, events of a stream
```
"""
