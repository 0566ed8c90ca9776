"""Double-entry book-keeping."""


def balanced(entries):
    """Whether debits and credits, in cents, cancel out."""
    return sum(entries) == 0
