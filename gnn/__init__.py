"""Text embeddings, coping labels and representations of people."""
