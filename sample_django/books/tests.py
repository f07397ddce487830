"""`manage.py test`: what the bookshelf promises, asked through Django's own test client."""

import io
import tempfile

from django.conf import settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client, TestCase, override_settings
from django.urls import reverse

from books.models import Book
from books.notes import render_notes


class Notes(TestCase):
    def test_markdown_becomes_html(self):
        self.assertEqual(render_notes("*Twice*"), "<p><em>Twice</em></p>\n")

    def test_scripts_and_handlers_are_taken_out(self):
        self.assertNotIn("alert", render_notes('<script>alert(1)</script><b onclick="alert(2)">!</b>'))


@override_settings(MEDIA_ROOT=tempfile.gettempdir() + "/bookshelf-tests")
class Shelf(TestCase):
    def setUp(self):
        self.book = Book.objects.create(title="Solaris", author="Stanisław Lem")

    def test_a_search_looks_at_titles_and_authors(self):
        found = self.client.get(reverse("api-books"), {"q": "lem"}).json()["books"]
        self.assertEqual([book["title"] for book in found], ["Solaris"])
        self.assertEqual(self.client.get(reverse("api-books"), {"q": "asimov"}).json(), {"books": []})

    def test_an_author_may_have_a_slash(self):
        book = Book.objects.create(title="Thunderstruck", author="AC/DC")
        self.assertContains(self.client.get(book.get_absolute_url()), "/authors/AC/DC/")
        self.assertContains(self.client.get("/authors/AC/DC/"), "Thunderstruck")

    def test_a_form_with_a_mistake_is_shown_again(self):
        answer = self.client.post(reverse("add-book"), {"title": "", "author": "Anon"})
        self.assertContains(answer, "This field is required.", status_code=422)

    def test_a_file_that_lambda_could_not_take_is_refused(self):
        large = SimpleUploadedFile("large.epub", bytes(settings.LARGEST_UPLOAD + 1))
        answer = self.client.post(reverse("add-book"), {"title": "Large", "author": "Anon", "file": large})
        self.assertContains(answer, "A file may have 4 MB at most.", status_code=422)

    def test_a_book_without_a_file_has_no_download(self):
        self.assertNotContains(self.client.get(self.book.get_absolute_url()), "Download")
        self.assertEqual(self.client.get(reverse("book-file", args=[self.book.pk])).status_code, 404)

    def test_a_book_is_removed_by_post_alone(self):
        address = reverse("remove-book", args=[self.book.pk])
        self.assertEqual(self.client.get(address).status_code, 405)
        self.client.post(address)
        self.assertFalse(Book.objects.exists())


class Beside(TestCase):
    def test_the_librarian_is_told_of_a_new_book(self):
        self.client.post(reverse("add-book"), {"title": "Eden", "author": "Lem"})
        (told,) = mail.outbox
        self.assertEqual(told.subject, "A new book")
        self.assertIn("Eden by Lem is on the shelf.", told.body)

    def test_books_are_imported_once(self):
        said = io.StringIO()
        for _ in range(2):
            call_command("import_books", file=io.StringIO("Eden,Lem\nFiasco, Lem\n"), stdout=said)
        self.assertEqual(
            said.getvalue().splitlines(),
            [
                *("added: Eden by Lem", "added: Fiasco by Lem", "2 added, 2 on the shelf"),
                *("there already: Eden by Lem", "there already: Fiasco by Lem", "0 added, 2 on the shelf"),
            ],
        )

    def test_a_line_that_is_no_book_is_named(self):
        with self.assertRaisesMessage(CommandError, "line 2 has 1 columns instead of title and author"):
            call_command("import_books", file=io.StringIO("Eden,Lem\nFiasco\n"), stdout=io.StringIO())


class Safety(TestCase):
    def test_a_form_needs_its_csrf_token(self):
        answer = Client(enforce_csrf_checks=True).post(reverse("add-book"), {"title": "Forged"})
        self.assertEqual(answer.status_code, 403)

    def test_a_form_from_another_site_is_refused(self):
        visitor = Client(enforce_csrf_checks=True, headers={"origin": "https://elsewhere.example"})
        visitor.get(reverse("add-book"))
        token = visitor.cookies["csrftoken"].value
        answer = visitor.post(reverse("add-book"), {"title": "Forged", "csrfmiddlewaretoken": token})
        self.assertEqual(answer.status_code, 403)

    @override_settings(ALLOWED_HOSTS=[".amazonaws.com"])
    def test_a_form_from_the_site_itself_passes_behind_api_gateway(self):
        host = "abc123.execute-api.eu-central-1.amazonaws.com"
        visitor = Client(enforce_csrf_checks=True, headers={"host": host, "origin": f"https://{host}"})
        visitor.get(reverse("add-book"), secure=True)
        form = {"title": "Eden", "author": "Lem", "csrfmiddlewaretoken": visitor.cookies["csrftoken"].value}
        self.assertEqual(visitor.post(reverse("add-book"), form, secure=True).status_code, 302)

    @override_settings(ALLOWED_HOSTS=[".amazonaws.com"])
    def test_only_the_hosts_that_are_allowed_are_answered(self):
        ours = {"host": "abc123.execute-api.eu-central-1.amazonaws.com"}
        self.assertEqual(self.client.get("/", headers=ours).status_code, 200)
        self.assertEqual(self.client.get("/", headers={"host": "elsewhere.example"}).status_code, 400)
