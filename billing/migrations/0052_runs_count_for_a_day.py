from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0051_alerts'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaignrun',
            name='counted_on',
            field=models.DateField(blank=True, help_text='The day on which it counts for those who had a hand in it.', null=True, verbose_name='counted on'),
        ),
        migrations.AddConstraint(
            model_name='campaignrun',
            constraint=models.CheckConstraint(condition=models.Q(('counted_on', None), ('state__in', ['approved', 'done']), _connector='OR'), name='campaign_run_counts_when_approved'),
        ),
        migrations.AddIndex(
            model_name='campaignrun',
            index=models.Index(condition=models.Q(('counted_on__isnull', False)), fields=['counted_on'], name='campaign_run_counted'),
        ),
        migrations.RunSQL(
            (SQL / "run_days.up.sql").read_text(), (SQL / "run_days.down.sql").read_text()
        ),
    ]
