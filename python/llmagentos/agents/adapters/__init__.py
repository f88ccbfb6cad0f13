"""Models of this process for other agent frameworks: pydantic-ai, smolagents, LangChain, openai-agents.

Each framework has a model class for OpenAI's client. It gets that client, with a transport that hands its requests to
an `LLM` in this process: no server, no socket, no key. The extra `adapters` installs all four; one of them is enough,
with `orjson`.

```
openai_protocol/ (requests, answers) -> transport.py (httpx) -> clients.py -> one file per framework
```
"""
