"""What guards the ledger looks at a wallet once a commit, by a plan that is kept."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [("billing", "0057_traces_of_messages")]

    operations = [
        migrations.RunSQL(
            (SQL / "guards_once.up.sql").read_text(), (SQL / "guards_once.down.sql").read_text()
        ),
    ]
