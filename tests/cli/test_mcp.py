"""`mcp`: which tools are served, as options say it; tests/agents/mcp speaks with the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from llmagentos.cli import main
from llmagentos.cli.mcp import _tools


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tools", "abacus"], "there are no tools named 'abacus'; there are calculator, date_time"),
        (["--tools", "files"], "the options of the tools 'files' are not valid: missing a required argument: 'root'"),
        (["--tools", "files", "--option", "files.root=missing"], "'missing' is not a folder"),
        (["--tools", "files", "--option", "files.path=."], "the options of the tools 'files' are not valid"),
        (["--tools", "files", "--option", "files.root=3"], "the tools 'files' cannot be made with root=3: TypeError"),
        (["--tools", "calculator", "--option", "calculator.digits=3"], "the tool 'calculator' takes no options"),
        (["--tools", "calculator", "--option", "files.root=."], "there is no --tools files"),
        (["--tools", "files", "--option", "root=."], "it must be NAME.OPTION=VALUE"),
        (["--tools", "files", "--option", "files.root"], "it must be NAME.OPTION=VALUE"),
        (["--tools", "files", "--option", "files.root=a", "--option", "files.root=b"], "is given twice"),
        (["--tools", "a:b:c"], "'a:b:c' is not valid: it must be MODULE:NAME"),
        (["--tools", "nowhere:x"], "'nowhere:x' cannot be found: No module named 'nowhere'"),
        (["--tools", "json:dumps"], "which is no tool: mark functions with @tool"),
        ([], "there are no tools to serve"),
        (["--tools", "calculator", "--host", "127.0.0.1"], "--host 127.0.0.1 is for HTTP: give --http PORT as well"),
    ],
)
def test_what_cannot_be_served_is_an_error(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["mcp", *arguments])
    assert ended.value.code == 1
    assert message in capsys.readouterr().err


def test_options_are_json_or_texts(tmp_path):
    given = ['web.allow=["example.org"]', "web.timeout=3", f"files.root={tmp_path}"]
    names = [tool.name for tool in _tools(["calculator", "web", "files"], given)]
    assert names == ["calculator", "http_get", "read_web_page", "list_files", "read_file", "search_files"]


def test_ctrl_c_ends_a_server_that_waits_for_its_client():
    command = [sys.executable, "-m", "llmagentos", "mcp", "--tools", "calculator"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        print(json.dumps(message), file=server.stdin, flush=True)
        assert json.loads(server.stdout.readline())["id"] == 1
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == -signal.SIGINT
    finally:
        server.kill()
