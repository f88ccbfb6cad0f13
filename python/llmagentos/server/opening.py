"""From a request to the call that it asks for."""

from __future__ import annotations

from functools import partial

from fastapi import Request

from llmagentos.server.calls import Ask, Call, Caller
from llmagentos.server.local_calls import LocalCall, prepared_work
from llmagentos.server.service_calls import ServiceCall, prepared_calls
from llmagentos.server.serving import client_of, serving_of


async def open_call(request: Request, model: str, ask: Ask) -> Call:
    """Lease a model and prepare a call to it.

    Args:
        ask: what is asked of the model; called in a thread.

    Raises:
        ApiError, LLMAgentOSError: no such model, or a request that is not valid.
    """
    serving = serving_of(request)
    caller = Caller(request, client_of(request), serving.config.request_timeout)
    lease = await serving.models.lease(model)
    request.state.model = lease.name
    try:
        if (remote := lease.llm.remote) is not None:
            calls = await serving.prepared(partial(prepared_calls, remote, ask, caller.timeout))
            return ServiceCall(caller, lease, remote, calls)
        work = await serving.prepared(partial(prepared_work, lease.llm, ask, caller.client.name, caller.timeout))
        return LocalCall(caller, lease, work)
    except BaseException:
        lease.release()
        raise
