"""The form that puts a book on the shelf."""

from django import forms

from books.models import Book


class BookForm(forms.ModelForm):
    class Meta:
        model = Book
        fields = ["title", "author", "notes", "file"]
        widgets = {"notes": forms.Textarea(attrs={"rows": 6})}
