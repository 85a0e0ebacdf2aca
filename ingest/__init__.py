"""Dumps of conversations to the tables messages and texts."""
