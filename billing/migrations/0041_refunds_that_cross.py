from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0040_changes_say_until_when_they_are_paid"),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "refunds_that_cross.up.sql").read_text(encoding="utf-8"),
            (SQL / "refunds_that_cross.down.sql").read_text(encoding="utf-8"),
        ),
    ]
