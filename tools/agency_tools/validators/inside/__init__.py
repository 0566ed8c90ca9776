"""The checks themselves. They run inside the sandbox, where the validators are: standard library, and what is found there."""
