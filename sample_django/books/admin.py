"""The admin's view of the shelf."""

from django.contrib import admin

from books.models import Book


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    list_display = ["title", "author", "finished", "added"]
    list_editable = ["finished"]
    search_fields = ["title", "author"]
