"""Requests, scheduling, KV blocks and the loop that joins them to a backend."""
