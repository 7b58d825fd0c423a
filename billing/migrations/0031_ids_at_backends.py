from pathlib import Path

from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """A backend's id is one attempt's alone; how far behind others an order got is remembered."""

    dependencies = [
        ("billing", "0030_topups"),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='turn_distance',
            field=models.BigIntegerField(blank=True, help_text="How far its turn was behind its lane's clock when it was ordered.", null=True, verbose_name='distance of its turn'),
        ),
        migrations.RunSQL(
            (SQL / "ids_at_backends.before.sql").read_text(), migrations.RunSQL.noop
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(condition=models.Q(('provider_id', ''), _negated=True), fields=('backend', 'provider_id'), name='attempt_provider_id_once'),
        ),
    ]
