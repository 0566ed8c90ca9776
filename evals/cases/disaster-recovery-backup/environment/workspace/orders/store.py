"""Orders in SQLite, in WAL mode: readers do not block the writer."""

import os
import sqlite3
from pathlib import Path


def path():
    return Path(os.environ.get("ORDERS_DB", "data/orders.db"))


class Store:
    def __init__(self, where):
        self.where = Path(where)

    def _open(self):
        self.where.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.where, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    def create(self):
        with self._open() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT, count INTEGER)")

    def add(self, item, count):
        with self._open() as connection:
            connection.execute("INSERT INTO orders (item, count) VALUES (?, ?)", (item, count))

    def orders(self):
        with self._open() as connection:
            return connection.execute("SELECT item, count FROM orders ORDER BY id").fetchall()
