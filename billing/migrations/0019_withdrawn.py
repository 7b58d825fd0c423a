from pathlib import Path

import django.db.models.expressions
import django.db.models.functions.math
from django.conf import settings
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """Who has asked for a correction may take that back."""

    dependencies = [
        ('billing', '0018_standstills'),
        ('plans', '0003_labels'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "withdrawn.up.sql").read_text(), (SQL / "withdrawn.down.sql").read_text()
        ),
        migrations.RemoveConstraint(
            model_name='adjustment',
            name='adjustment_state_matches_columns',
        ),
        migrations.RemoveConstraint(
            model_name='compensation',
            name='compensation_incident_once',
        ),
        migrations.RemoveConstraint(
            model_name='compensation',
            name='compensation_state_matches_columns',
        ),
        migrations.AlterField(
            model_name='adjustment',
            name='state',
            field=models.CharField(choices=[('requested', 'requested'), ('executed', 'executed'), ('refused', 'refused'), ('withdrawn', 'withdrawn'), ('expired', 'expired')], default='requested', max_length=16, verbose_name='state'),
        ),
        migrations.AlterField(
            model_name='compensation',
            name='state',
            field=models.CharField(choices=[('requested', 'requested'), ('approved', 'being carried out'), ('done', 'carried out'), ('refused', 'refused'), ('withdrawn', 'withdrawn'), ('expired', 'expired')], default='requested', max_length=16, verbose_name='state'),
        ),
        migrations.AddConstraint(
            model_name='adjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approver', None), ('counted_on', None), ('debt', None), ('decided_at', None), ('grant', None), ('revoked_micros', 0), ('state', 'requested')), models.Q(('counted_on__isnull', False), ('decided_at__isnull', False), ('state', 'executed'), models.Q(('approver__isnull', False), ('alone_max_micros__gte', django.db.models.functions.math.Abs('amount_micros')), _connector='OR'), models.Q(models.Q(('amount_micros__gt', 0), ('debt', None), ('grant__isnull', False), ('revoked_micros', 0)), models.Q(('amount_micros__lt', 0), ('debt', None), ('grant', None), ('revoked_micros', django.db.models.expressions.CombinedExpression(models.F('amount_micros'), '*', models.Value(-1)))), models.Q(('amount_micros__lt', 0), ('as_debt', True), ('debt__isnull', False), ('grant', None), ('revoked_micros__gte', 0), ('revoked_micros__lt', django.db.models.expressions.CombinedExpression(models.F('amount_micros'), '*', models.Value(-1)))), _connector='OR')), models.Q(('approver__isnull', False), ('counted_on', None), ('debt', None), ('decided_at__isnull', False), ('grant', None), ('revoked_micros', 0), ('state', 'refused')), models.Q(('approver', None), ('counted_on', None), ('debt', None), ('decided_at__isnull', False), ('grant', None), ('revoked_micros', 0), ('state__in', ['withdrawn', 'expired'])), _connector='OR'), name='adjustment_state_matches_columns'),
        ),
        migrations.AddConstraint(
            model_name='compensation',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['refused', 'withdrawn', 'expired']), _negated=True), fields=('key', 'is_sandbox'), name='compensation_incident_once'),
        ),
        migrations.AddConstraint(
            model_name='compensation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approver', None), ('decided_at', None), ('finished_at', None), ('state', 'requested')), models.Q(('approver__isnull', False), ('decided_at__isnull', False), ('finished_at', None), ('state', 'approved')), models.Q(('approver__isnull', False), ('decided_at__isnull', False), ('finished_at__isnull', False), ('state', 'done')), models.Q(('approver__isnull', False), ('decided_at__isnull', False), ('finished_at', None), ('state', 'refused')), models.Q(('approver', None), ('decided_at__isnull', False), ('finished_at', None), ('state__in', ['withdrawn', 'expired'])), _connector='OR'), name='compensation_state_matches_columns'),
        ),
    ]
