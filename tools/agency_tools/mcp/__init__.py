"""MCP servers: what a person declares of one, how it is started and spoken with, and its tools as tools of a run.

Only `connection.py` and what it needs import the SDK, which takes over a second: a run without servers never does.
"""
