"""What is on the shelf."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse


def check_size(file) -> None:
    if file.size > settings.LARGEST_UPLOAD:
        raise ValidationError(f"A file may have {settings.LARGEST_UPLOAD // 2**20} MB at most.")


class Book(models.Model):
    title = models.CharField(max_length=200)
    author = models.CharField(max_length=200)
    notes = models.TextField(blank=True, help_text="In Markdown.")
    file = models.FileField(upload_to="books", blank=True, validators=[check_size])
    finished = models.BooleanField(default=False)
    added = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-added"]

    def __str__(self) -> str:
        return f"{self.title} by {self.author}"

    def get_absolute_url(self) -> str:
        return reverse("book", args=[self.pk])
