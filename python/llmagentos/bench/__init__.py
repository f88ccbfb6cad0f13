"""Measuring: this package's speed, the machine's limits, and llama.cpp on the same file."""
