// Layer runtime.
