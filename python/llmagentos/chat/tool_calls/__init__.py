"""Tools that a model may call: described to it, its calls constrained to what they take, and read from its text.

```
tools.py (what may be called) -> rendering.py (the prompt), grammar.py (the answer) -> parser.py, call_scanner.py
```

`formats.py` holds what differs between families of models.
"""
