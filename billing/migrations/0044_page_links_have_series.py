import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0043_webhooks_in_lines"),
    ]

    operations = [
        migrations.CreateModel(
            name='LinkSeries',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='billing.account', verbose_name='account')),
                ('number', models.PositiveIntegerField(help_text='How often its links were revoked.', verbose_name='number')),
                ('begun_at', models.DateTimeField(verbose_name='begun at')),
            ],
            options={
                'verbose_name': 'series of page links',
                'verbose_name_plural': 'series of page links',
                'constraints': [models.CheckConstraint(condition=models.Q(('number__gt', 0)), name='link_series_number_positive')],
            },
        ),
    ]
