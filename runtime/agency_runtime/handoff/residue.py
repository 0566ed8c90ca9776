"""Sample results of well-known persona templates, which models copy as if they were their own."""

import re

RESIDUE = (
    r"\$770/month",
    r"\$450/month",
    r"\$120/month",
    r"\$200/month savings",
    r"23% reduction",
    r"8m 32s",
    r"12m 15s",
    r"Rollback test: Success",
    r"45 resources to create",
    r"Terraform apply: Success",
    r"1000 req/sec",
    r"8/8 targets up",
    r"12 rules configured",
    r"p50: 85ms",
    r"p95: 220ms",
    r"p99: 450ms",
    r"1m 45s",
    r"Average query time 42ms",
    r"hit ratio: 87%",
    r"reduced image size by 65%",
    r"\b42 files \(\+5,234",
    r"E1ABCDEFGHIJK",
    r"(?:app|api|staging|staging-api|grafana)\.example\.com",
    r"(?:prod|staging)-db\.rds\.amazonaws\.com",
)
PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in RESIDUE), re.IGNORECASE)


def residue(text: str) -> str | None:
    """The first piece of a template's sample results in the text, or None."""
    found = PATTERN.search(text)
    return found.group(0) if found else None
