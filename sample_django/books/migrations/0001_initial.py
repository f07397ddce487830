"""The first table."""

from django.db import migrations, models

import books.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Book",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("author", models.CharField(max_length=200)),
                ("notes", models.TextField(blank=True, help_text="In Markdown.")),
                (
                    "file",
                    models.FileField(blank=True, upload_to="books", validators=[books.models.check_size]),
                ),
                ("finished", models.BooleanField(default=False)),
                ("added", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-added"],
            },
        ),
    ]
