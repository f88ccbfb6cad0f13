"""Conversations: messages checked, put through a model's template, turned into tokens.

```
messages.py (what may be said) -> templates.py (jinja2, sandboxed) -> encoding.py (token ids)
```
"""
