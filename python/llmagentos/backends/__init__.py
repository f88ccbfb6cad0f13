"""What runs a graph over ragged batches."""
