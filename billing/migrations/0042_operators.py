from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0041_refunds_that_cross"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TryCount',
            fields=[
                ('key', models.CharField(help_text='A seal of whose tries these are: a name, an address, or both.', max_length=64, primary_key=True, serialize=False, verbose_name='key')),
                ('tries', models.PositiveIntegerField(verbose_name='tries')),
                ('begun_at', models.DateTimeField(db_index=True, verbose_name='begun at')),
            ],
            options={
                'verbose_name': 'count of tries',
                'verbose_name_plural': 'counts of tries',
                'default_permissions': ('view',),
            },
        ),
        migrations.AlterModelOptions(
            name='apikey',
            options={'permissions': [('revoke_apikey', 'Can revoke a service key')], 'verbose_name': 'service key', 'verbose_name_plural': 'service keys'},
        ),
        migrations.CreateModel(
            name='Authenticator',
            fields=[
                ('id', models.CharField(editable=False, max_length=48, primary_key=True, serialize=False, verbose_name='id')),
                ('sealed_secret', models.TextField(verbose_name='sealed secret')),
                ('last_step', models.BigIntegerField(default=0, help_text='The half minute whose code was taken last; none up to it counts again.', verbose_name='last step')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('confirmed_at', models.DateTimeField(blank=True, help_text='When its first code was typed; empty: it opens nothing yet.', null=True, verbose_name='confirmed at')),
                ('operator', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='authenticator', to=settings.AUTH_USER_MODEL, verbose_name='operator')),
            ],
            options={
                'verbose_name': 'second factor',
                'verbose_name_plural': 'second factors',
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(max_length=32, verbose_name='digest')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='used at')),
                ('authenticator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recovery_codes', to='billing.authenticator', verbose_name='second factor')),
            ],
            options={
                'verbose_name': 'recovery code',
                'verbose_name_plural': 'recovery codes',
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='AccessRecord',
            fields=[
                ('id', models.CharField(editable=False, max_length=48, primary_key=True, serialize=False, verbose_name='id')),
                ('at', models.DateTimeField(db_index=True, verbose_name='at')),
                ('kind', models.CharField(choices=[('password_refused', 'password refused'), ('code_refused', 'code refused'), ('locked_out', 'too many tries'), ('signed_in', 'signed in'), ('signed_out', 'signed out'), ('enrolled', 'second factor set up'), ('confirmed', 'confirmed by a code'), ('recovery_code_used', 'recovery code used'), ('recovery_codes_made', 'recovery codes made'), ('reset', 'second factor reset'), ('created', 'operator made'), ('viewed', 'looked at'), ('exported', 'exported')], max_length=32, verbose_name='kind')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='address')),
                ('what', models.CharField(blank=True, default='', max_length=200, verbose_name='what')),
                ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='reason')),
                ('actor', models.ForeignKey(blank=True, help_text='Who did it to another operator; empty: himself, or a command.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('operator', models.ForeignKey(blank=True, help_text="Whom it is about; empty for a name that is nobody's: it may be a password.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='operator')),
            ],
            options={
                'verbose_name': 'access record',
                'verbose_name_plural': 'access records',
                'default_permissions': ('view',),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'reset'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='access_record_reset_has_a_reason')],
            },
        ),
        migrations.AddConstraint(
            model_name='authenticator',
            constraint=models.CheckConstraint(condition=models.Q(('confirmed_at', None), ('confirmed_at__gte', models.F('made_at')), _connector='OR'), name='authenticator_is_confirmed_after_it_is_made'),
        ),
        migrations.AddConstraint(
            model_name='authenticator',
            constraint=models.CheckConstraint(condition=models.Q(('last_step__gte', 0)), name='authenticator_last_step_is_a_step'),
        ),
        migrations.AddConstraint(
            model_name='recoverycode',
            constraint=models.UniqueConstraint(fields=('authenticator', 'digest'), name='recovery_code_digest_once'),
        ),
        migrations.AddConstraint(
            model_name='recoverycode',
            constraint=models.CheckConstraint(condition=models.Q(('used_at', None), ('used_at__gte', models.F('made_at')), _connector='OR'), name='recovery_code_is_used_after_it_is_made'),
        ),
        migrations.RunSQL(
            (SQL / "operators.up.sql").read_text(), (SQL / "operators.down.sql").read_text()
        ),
    ]
