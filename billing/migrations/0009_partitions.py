import functools
from pathlib import Path

from django.db import migrations, models

import billing.ledger.models.fields


SQL = Path(__file__).parent / "sql"

pointer = functools.partial(
    models.CharField, blank=True, db_collation='C', default='', max_length=48
)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0008_ledger_owners'),
    ]

    operations = [
        # A table cannot be given partitions in place, so its columns change where it is made anew.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name='entry',
                    name='entry_seq_once',
                ),
                migrations.AlterField(
                    model_name='entry',
                    name='id',
                    field=models.CharField(db_collation='C', default=billing.ledger.models.fields._entry_id, editable=False, max_length=48, primary_key=True, serialize=False, verbose_name='id'),
                ),
                migrations.AddField(
                    model_name='entry',
                    name='previous_id',
                    field=pointer(help_text="Id of the wallet's entry before; empty: it is the first.", verbose_name='entry before'),
                ),
                migrations.AddField(
                    model_name='wallet',
                    name='last_entry_id',
                    field=pointer(help_text='Id of the last entry; empty: there is none yet.', verbose_name='last entry'),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    (SQL / "partitions.up.sql").read_text(), (SQL / "partitions.down.sql").read_text()
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('last_entry_id', ''), ('seq', 0)), models.Q(('seq__gt', 0), models.Q(('last_entry_id', ''), _negated=True)), _connector='OR'), name='wallet_names_its_last_entry'),
        ),
    ]
