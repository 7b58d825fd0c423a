from pathlib import Path

from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0006_ledger_mends'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('status__in', ('dispatched', 'running', 'unknown'))), fields=['wallet'], name='job_at_work'),
        ),
        migrations.RunSQL(
            (SQL / "job_quotes.up.sql").read_text(), (SQL / "job_quotes.down.sql").read_text()
        ),
    ]
