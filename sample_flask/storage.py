"""Where the receipts are kept: one SQLite file in the folder that RECEIPTS_DIR names.

Without RECEIPTS_DIR that is a folder under the system's temporary one, the only place where a Lambda function
can write. There every execution environment has a file of its own, and loses it when it ends.
"""

import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS receipt (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    shop TEXT NOT NULL,
    cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    added_by TEXT NOT NULL,
    photo_name TEXT NOT NULL,
    photo BLOB NOT NULL,
    thumbnail BLOB NOT NULL
)
"""
COLUMNS = "number, shop, cents, currency, added_by, photo_name, length(photo) AS photo_size"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a list shows; the pictures are fetched by number."""

    number: int
    shop: str
    cents: int
    currency: str
    added_by: str
    photo_name: str
    photo_size: int

    @property
    def amount(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02} {self.currency}"


def parse_amount(text: str) -> int:
    """The cents in "12.50", "12,5" or "12". Anything that is not an amount of money raises ValueError."""
    whole, _, fraction = text.strip().replace(",", ".").partition(".")
    if not whole.isdecimal() or not (fraction or "0").isdecimal() or len(fraction) > 2:
        raise ValueError(f"{text!r} is not an amount")
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def open_receipts() -> "Receipts":
    """The receipts of this machine. The file is made when it is not there yet."""
    folder = Path(os.environ.get("RECEIPTS_DIR") or Path(tempfile.gettempdir(), "receipts"))
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / "receipts.sqlite3")
    connection.row_factory = sqlite3.Row
    connection.execute(SCHEMA)
    return Receipts(connection)


class Receipts:
    """The table of receipts, over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(
        self,
        *,
        shop: str,
        cents: int,
        currency: str,
        added_by: str,
        photo_name: str,
        photo: bytes,
        thumbnail: bytes,
    ) -> int:
        """The number that the receipt got."""
        values = (shop, cents, currency, added_by, photo_name, photo, thumbnail)
        with self._connection:
            done = self._connection.execute(
                "INSERT INTO receipt (shop, cents, currency, added_by, photo_name, photo, thumbnail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        return done.lastrowid

    def get(self, number: int) -> Receipt | None:
        return next(iter(self._select("WHERE number = ?", number)), None)

    def search(self, text: str) -> list[Receipt]:
        """The newest first; those whose shop contains the text."""
        return self._select("WHERE instr(lower(shop), lower(?)) ORDER BY number DESC", text)

    def of_shop(self, shop: str) -> list[Receipt]:
        return self._select("WHERE shop = ? ORDER BY number DESC", shop)

    def photo(self, number: int) -> bytes | None:
        """The bytes as they were uploaded."""
        return self._picture("photo", number)

    def thumbnail(self, number: int) -> bytes | None:
        return self._picture("thumbnail", number)

    def totals(self) -> dict[str, int]:
        """Cents per currency."""
        rows = self._connection.execute("SELECT currency, sum(cents) FROM receipt GROUP BY 1 ORDER BY 1")
        return dict(rows)

    def delete(self, number: int) -> bool:
        """Whether there was one."""
        with self._connection:
            return self._connection.execute("DELETE FROM receipt WHERE number = ?", [number]).rowcount == 1

    def close(self) -> None:
        self._connection.close()

    def _select(self, condition: str, *values: object) -> list[Receipt]:
        rows = self._connection.execute(f"SELECT {COLUMNS} FROM receipt {condition}", values)
        return [Receipt(**dict(row)) for row in rows]

    def _picture(self, column: str, number: int) -> bytes | None:
        row = self._connection.execute(f"SELECT {column} FROM receipt WHERE number = ?", [number]).fetchone()
        return row[0] if row else None
