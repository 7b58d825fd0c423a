from django.db import migrations, models

BEFORE = ('job', 'allowance', 'expiry', 'service_grant', 'operator', 'rollover', 'subscription', 'conversion', 'pack', 'campaign', 'adjustment', 'compensation', 'debt', 'transfer', 'allotment', 'refund')
CAUSES = (*BEFORE, 'import')
CHOICES = [('job', 'job'), ('allowance', 'allowance'), ('expiry', 'expiry'), ('service_grant', 'grant by a service'), ('operator', 'operator'), ('rollover', 'limit of what is carried over'), ('subscription', 'subscription'), ('conversion', 'conversion'), ('pack', 'pack'), ('campaign', 'campaign'), ('adjustment', 'adjustment'), ('compensation', 'compensation'), ('debt', 'debt'), ('transfer', 'transfer'), ('allotment', 'allotment'), ('refund', 'refund'), ('import', 'import from another system')]


def widened(table, name, causes):
    """The rule is replaced in one statement, so that it never fails to hold; old rows are read
    after that, while others write."""
    listed = ", ".join(f"'{cause}'" for cause in causes)
    return [
        f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} "
        f"CHECK (cause_type IN ({listed}) AND NOT cause_id = '') NOT VALID",
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
    ]


def rule(model, name):
    table = f"billing_{model}"
    return migrations.RunSQL(
        widened(table, name, CAUSES),
        widened(table, name, BEFORE),
        state_operations=[
            migrations.RemoveConstraint(model_name=model, name=name),
            migrations.AddConstraint(
                model_name=model,
                constraint=models.CheckConstraint(
                    condition=models.Q(('cause_type__in', CAUSES), models.Q(('cause_id', ''), _negated=True)),
                    name=name,
                ),
            ),
        ],
    )


class Migration(migrations.Migration):

    atomic = False  # each statement lets go of its locks before the next

    dependencies = [
        ('billing', '0053_what_a_day_touches'),
    ]

    operations = [
        *(
            migrations.AlterField(
                model_name=model,
                name='cause_type',
                field=models.CharField(choices=CHOICES, max_length=16, verbose_name='cause'),
            )
            for model in ('creditday', 'debt', 'entry')
        ),
        rule('entry', 'entry_has_a_cause'),
        rule('debt', 'debt_has_a_cause'),
    ]
