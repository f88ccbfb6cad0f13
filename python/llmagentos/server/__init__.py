"""`llmagentos serve`: the engine behind OpenAI's HTTP interface.

```
connection.py -> gate.py, keys.py, body_limits.py -> routes/ <- schemas/, openai_protocol/ (what requests may say)
                                                        |
    model_pool.py -> opening.py -> calls.py (one call, from lease to release): local_calls.py, service_calls.py
                                                        |
      openai_protocol/, completion_format.py, response_format.py -> event_stream.py
```
"""
