"""The work of each stage: read the tables of those before it, write tables and figures, say one line."""
