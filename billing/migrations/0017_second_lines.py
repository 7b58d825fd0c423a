from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """The rules that only the code kept: the database is their second line now."""

    dependencies = [("billing", "0016_receipts")]

    operations = [
        migrations.RunSQL(
            (SQL / "second_lines.up.sql").read_text(), (SQL / "second_lines.down.sql").read_text()
        )
    ]
