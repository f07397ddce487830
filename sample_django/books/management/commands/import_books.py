"""`manage.py import_books`: books from a CSV file, or from stdin."""

import csv
import sys
from argparse import ArgumentParser, FileType

from django.core.management.base import BaseCommand, CommandError

from books.models import Book
from bookshelf.database import prepare_database


class Command(BaseCommand):
    help = "Put books on the shelf: lines of CSV, with title and author."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=FileType(encoding="utf-8"), default=sys.stdin)

    def handle(self, *, file, **_options) -> None:
        prepare_database()
        added = 0
        for number, row in enumerate(csv.reader(file), start=1):
            if len(row) != 2:
                raise CommandError(f"line {number} has {len(row)} columns instead of title and author")
            book, is_new = Book.objects.get_or_create(title=row[0].strip(), author=row[1].strip())
            self.stdout.write(f"{'added' if is_new else 'there already'}: {book}")
            added += is_new
        self.stdout.write(f"{added} added, {Book.objects.count()} on the shelf")
