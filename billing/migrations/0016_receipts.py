from pathlib import Path

from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0015_test_clocks'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReceiptKey',
            fields=[
                ('id', models.CharField(editable=False, help_text='Made of the key itself.', max_length=48, primary_key=True, serialize=False, verbose_name='id')),
                ('public_key', models.BinaryField(max_length=32, verbose_name='public key')),
                ('not_before', models.DateTimeField(verbose_name='in use from')),
                ('not_after', models.DateTimeField(blank=True, help_text='Empty: it is the present one.', null=True, verbose_name='in use until')),
                ('revoked_at', models.DateTimeField(blank=True, help_text='From then on it proves nothing.', null=True, verbose_name='revoked at')),
                ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='reason')),
            ],
            options={
                'verbose_name': 'key of receipts',
                'verbose_name_plural': 'keys of receipts',
                'constraints': [models.UniqueConstraint(condition=models.Q(('not_after', None), ('revoked_at', None)), fields=('not_after',), name='receipt_key_present_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('not_after', None), ('not_after__gt', models.F('not_before')), _connector='OR'), name='receipt_key_lasts_a_while'), models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), ('revoked_at', None)), models.Q(('revoked_at__isnull', False), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='receipt_key_is_revoked_for_a_reason')],
            },
        ),
        migrations.RunSQL(
            (SQL / "receipts.up.sql").read_text(), (SQL / "receipts.down.sql").read_text()
        ),
    ]
