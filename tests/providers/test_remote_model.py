"""A service's model as an `LLM`: names, what it does not do, asyncio, the extra that is missing."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagentos import LLM, InvalidRequestError, ModelNotFoundError, RemoteModelInfo
from llmagentos.cli import main
from tests.providers.conftest import KEY
from tests.providers.stand_in import Reply, StandIn
from tests.providers.test_openai import ENDING, HELLO, answer, piece, word


@pytest.fixture
def llm(server: StandIn) -> LLM:
    return LLM(f"{server.url}/v1#m")


@pytest.mark.parametrize(
    ("name", "model", "reason"),
    [
        ("gpt-3", "openai:gpt-6.1-terra", "gpt-3: OpenAI has retired GPT-3; using gpt-6.1-terra"),
        ("GPT-3", "openai:gpt-6.1-terra", "GPT-3: OpenAI has retired GPT-3; using gpt-6.1-terra"),
        ("gpt-6.2-sol", "openai:gpt-6.2-sol", None),
        ("gemini", "gemini:gemini-3.8-flash", None),
        ("bard", "gemini:gemini-3.8-flash", "bard: Bard became Gemini; using gemini-3.8-flash"),
        ("lamda", "gemini:gemini-3.8-flash", "lamda: no public service ever offered LaMDA; using gemini-3.8-flash"),
        ("openai:gpt-3.5-turbo", "openai:gpt-3.5-turbo", None),
    ],
)
def test_names_lead_to_models_and_say_where_they_lead_elsewhere(
    name: str, model: str, reason: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with caplog.at_level(logging.WARNING, "llmagentos"):
        info = LLM(name).info
    assert isinstance(info, RemoteModelInfo)
    assert (info.name, info.context_length) == (model, None)
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("llmagentos")]
    assert logged == ([] if reason is None else [reason])


@pytest.mark.parametrize("name", ["openai:", "openai:a b", "http://host/v1", "http://#m", "https://user:pw@host/v1#m"])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match="names no model") as caught:
        LLM(name)
    assert "pw" not in str(caught.value)


def test_settings_of_models_that_run_here_are_refused(llm: LLM) -> None:
    for setting in ({"threads": 2}, {"context_length": 100}, {"quantize": "q8_0"}, {"kv_dtype": "int8"}):
        (name,) = setting
        with pytest.raises(InvalidRequestError, match=rf"^{name}=.* is of no use: .* runs at a service"):
            LLM("http://127.0.0.1:1/v1#m", **setting)
    LLM("http://127.0.0.1:1/v1#m", task="embed")
    with pytest.raises(InvalidRequestError, match="task='sing' is not valid"):
        LLM("http://127.0.0.1:1/v1#m", task="sing")


def test_a_service_cannot_draft_for_a_model_that_runs_here() -> None:
    from llmagentos.market import resolve

    for name in ("openai:gpt-6-luna", "gpt-6-luna", "http://127.0.0.1:1/v1#m"):
        with pytest.raises(ModelNotFoundError, match=r"a model of a service.*no files to fetch or read"):
            resolve(name)


def test_what_needs_tokens_is_refused(llm: LLM, server: StandIn) -> None:
    calls: list[Any] = [
        lambda: llm.score("a"),
        lambda: llm.tokenize("a"),
        lambda: llm.detokenize([1]),
        lambda: llm.classify("a"),
        lambda: llm.rerank("a", ["b"]),
        llm.stats,
    ]
    for call in calls:
        with pytest.raises(InvalidRequestError, match="runs at a service, which takes and gives texts"):
            call()
    assert llm.has_chat_template
    assert llm.default_params.temperature == 1
    assert not server.requests


@pytest.mark.parametrize(
    "options", [{"priority": 1}, {"cache_salt": "x"}, {"forced_bos_token_id": 3}, {"timeout": 0}, {"tool": 1}]
)
def test_options_that_a_service_has_nothing_for_are_refused(llm: LLM, server: StandIn, options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(InvalidRequestError, match=name):
        llm.chat(HELLO, **options)
    assert not server.requests


def test_bad_arguments_are_told_before_anything_is_sent(llm: LLM, server: StandIn) -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: llm.chat("Hello"), "messages must be a list"),  # type: ignore[call-overload]
        (lambda: llm.chat([]), "messages is empty"),
        (lambda: llm.chat(HELLO, {"temperature": 0}), "params must be a SamplingParams"),  # type: ignore[call-overload]
        (lambda: llm.generate(b"a"), "not bytes: decode bytes first"),  # type: ignore[call-overload]
        (lambda: llm.generate_text(3), "text must be a string"),  # type: ignore[arg-type]
        (lambda: llm.generate_text("a", max_length=0), "max_length=0 is not valid"),
        (lambda: llm.stream([HELLO]), "stream takes one prompt or one conversation"),  # type: ignore[list-item]
        (lambda: llm.chat(HELLO, tools=[{"type": "x"}]), r"tools\[0\] must be"),
    ]
    for call, message in calls:
        with pytest.raises(InvalidRequestError, match=message):
            call()
    assert not server.requests


def test_asyncio_waits_without_blocking(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer(), delay=0.2))

    async def both() -> list[Any]:
        return list(await asyncio.gather(llm.achat(HELLO), llm.achat(HELLO), asyncio.sleep(0, "meanwhile")))

    first, second, meanwhile = asyncio.run(both())
    assert (first.text, second.text, meanwhile) == ("Hi.", "Hi.", "meanwhile")


def test_asyncio_streams_and_hangs_up(llm: LLM, server: StandIn) -> None:
    server.will(
        Reply(events=[word("x"), word("y"), piece({}, "stop"), *ENDING]), Reply(events=[word("x")] * 400, gap=0.01)
    )

    async def read() -> str:
        return "".join([chunk.text async for chunk in llm.astream(HELLO)])

    async def leave() -> str:
        stream: Any = llm.astream(HELLO)
        async for chunk in stream:
            await stream.aclose()
            return str(chunk.text)
        return ""

    async def cancel() -> None:
        task = asyncio.create_task(read())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert asyncio.run(read()) == "xy"
    for stop in (leave, cancel):
        server.hung_up.clear()
        asyncio.run(stop())
        assert server.hung_up.wait(5)


@pytest.mark.parametrize(
    ("model", "module", "package"),
    [("http://127.0.0.1:1/v1#m", "openai", "openai"), ("gemini:m", "google", "google-genai")],
)
def test_a_missing_package_is_named_with_what_to_install(
    model: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    code = f"import sys; sys.modules[{module!r}] = None; from llmagentos import LLM; LLM({model!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = rf"ProviderError: .*needs the Python package {package}, .*pip install 'llmagentos\[remote\]'"
    assert re.search(said, run.stderr)


def test_the_commands_take_a_services_model(
    server: StandIn, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.will(Reply(events=[word("Hi."), piece({}, "stop"), *ENDING]))
    model = f"{server.url}/v1#m"
    text = tmp_path / "text.txt"
    text.write_text("some words")
    commands = [
        (["generate", "-m", model, "Hello"], 0, "Hi."),
        (["pull", model], 1, "it has no files to fetch or read"),
        (["pull", "gpt-6-luna"], 1, "it has no files to fetch or read"),
        (["perplexity", "-m", model, str(text)], 1, "does not say how likely a text is"),
        (["generate", "-m", "openai:m", "Hello"], 1, "set the environment variable OPENAI_API_KEY"),
    ]
    for arguments, code, words in commands:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code
        assert words in out + err
    assert server.requests[0].body["messages"] == HELLO
