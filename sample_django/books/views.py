"""The pages of the shelf, its downloads, and its JSON."""

import logging

from django.contrib import messages
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_list_or_404, get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from books.forms import BookForm
from books.models import Book
from books.notes import render_notes
from books.tasks import announce

log = logging.getLogger(__name__)
SEEN_LATELY = 5


def search(text: str):
    return Book.objects.filter(Q(title__icontains=text) | Q(author__icontains=text))


@require_safe
def show_shelf(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "")
    seen = Book.objects.in_bulk(request.session.get("seen", []))
    return render(
        request, "books/shelf.html", {"books": search(query), "query": query, "seen": seen.values()}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def add_book(request: HttpRequest) -> HttpResponse:
    form = BookForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, "books/add.html", {"form": form}, status=422 if form.is_bound else 200)
    book = form.save()
    announce.enqueue(book.title, book.author)
    log.info("book %d added: %s", book.pk, book)
    messages.success(request, f"{book.title} is on the shelf.")
    return redirect(book)


@require_safe
def show_book(request: HttpRequest, pk: int) -> HttpResponse:
    book = get_object_or_404(Book, pk=pk)
    seen = [pk, *(other for other in request.session.get("seen", []) if other != pk)]
    request.session["seen"] = seen[:SEEN_LATELY]
    return render(request, "books/book.html", {"book": book, "notes": render_notes(book.notes)})


@require_safe
def download_file(request: HttpRequest, pk: int) -> FileResponse:
    book = get_object_or_404(Book, pk=pk)
    if not book.file:
        raise Http404("This book has no file.")
    return FileResponse(book.file.open(), as_attachment=True, filename=book.file.name.rpartition("/")[2])


@require_POST
def remove_book(request: HttpRequest, pk: int) -> HttpResponse:
    book = get_object_or_404(Book, pk=pk)
    book.file.delete(save=False)
    book.delete()
    log.info("book %d removed", pk)
    messages.info(request, f"{book.title} is gone.")
    return redirect("shelf")


@require_safe
def show_author(request: HttpRequest, author: str) -> HttpResponse:
    books = get_list_or_404(Book, author=author)
    return render(request, "books/shelf.html", {"books": books, "author": author})


@require_safe
def list_books(request: HttpRequest) -> JsonResponse:
    fields = ["id", "title", "author", "finished", "added"]
    return JsonResponse({"books": list(search(request.GET.get("q", "")).values(*fields))})
