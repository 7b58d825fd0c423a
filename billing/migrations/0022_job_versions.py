from pathlib import Path

from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """Each change of a job that its listeners see has a number; old code need not know of it."""

    dependencies = [
        ('billing', '0021_turns'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='version',
            field=models.PositiveIntegerField(db_default=1, default=1, editable=False, help_text='Rises with each change that its listeners see; the database counts.', verbose_name='version'),
        ),
        migrations.RunSQL(
            (SQL / "job_versions.up.sql").read_text(), (SQL / "job_versions.down.sql").read_text()
        ),
    ]
