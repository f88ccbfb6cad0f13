// Layer tokenize.
