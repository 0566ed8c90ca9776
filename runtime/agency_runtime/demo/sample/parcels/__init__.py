"""Quotes the price of sending a parcel."""
