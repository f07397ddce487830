"""Every address of the site."""

from django.contrib import admin
from django.urls import path

from books import views

urlpatterns = [
    path("", views.show_shelf, name="shelf"),
    path("books/add/", views.add_book, name="add-book"),
    path("books/<int:pk>/", views.show_book, name="book"),
    path("books/<int:pk>/file/", views.download_file, name="book-file"),
    path("books/<int:pk>/remove/", views.remove_book, name="remove-book"),
    path("authors/<path:author>/", views.show_author, name="author"),
    path("api/books/", views.list_books, name="api-books"),
    path("admin/", admin.site.urls),
]
