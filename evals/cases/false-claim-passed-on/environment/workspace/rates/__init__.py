"""Exchange rates."""

from decimal import ROUND_HALF_UP, Decimal


def convert(amount, rate):
    """An amount in another currency, rounded to cents."""
    return round(float(amount) * float(rate), 2)


def cents(amount):
    """An amount in whole cents, half a cent up."""
    return int((Decimal(str(amount)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
