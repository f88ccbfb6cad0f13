// Layer graph.
