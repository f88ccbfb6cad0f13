"""What an answer may look like: JSON schemas checked, response formats turned into grammars.

```
response_format.py (what callers pass; model_schema.py, caller_grammar.py)
  -> json_schema.py (each keyword checked; keywords.py) -> consistency.py (all together; breadth.py, finiteness.py,
     reference_depth.py)
  -> enforced.py (in words that are enforced to the letter; numbers.py, formats.py, unions.py)
  -> lark.py (the grammar's text)
fault.py (where the fault is in what does not compile)
```

Grammars are in llguidance's dialect of Lark, as text. Nothing here needs a tokenizer: `engine.constraints` compiles
them.
"""
