"""What an answer may look like: JSON schemas checked, response formats turned into grammars.

```
response_format.py (what callers pass) -> json_schema.py (checked) -> lark.py (the grammar's text)
```

Grammars are in llguidance's dialect of Lark, as text. Nothing here needs a tokenizer: `engine.constraints` compiles
them.
"""
