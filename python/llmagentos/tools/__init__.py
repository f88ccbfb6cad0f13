"""Tools for agents: typed functions that a model may call."""
