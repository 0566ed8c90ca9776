"""A line of wisdom over HTTP."""
