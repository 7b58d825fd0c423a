from pathlib import Path

from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """A job has a turn in its lane, and each lane a clock at each backend."""

    dependencies = [
        ('billing', '0020_fleet'),
        ('plans', '0003_labels'),
    ]

    operations = [
        migrations.CreateModel(
            name='LaneClock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('backend', models.CharField(max_length=64, verbose_name='backend')),
                ('lane', models.CharField(max_length=64, verbose_name='lane')),
                ('turn', models.BigIntegerField(help_text='The highest turn that was started.', verbose_name='turn')),
                ('number', models.BigIntegerField(help_text='Of which start of the backend its last one was.', verbose_name='last start')),
                ('starts', models.BigIntegerField(help_text='How many jobs of it were started.', verbose_name='starts')),
            ],
            options={
                'verbose_name': "lane's clock",
                'verbose_name_plural': "lanes' clocks",
            },
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_waiting',
        ),
        migrations.AddField(
            model_name='job',
            name='lane',
            field=models.CharField(db_default='standard', default='standard', max_length=64, verbose_name='lane'),
        ),
        migrations.AddField(
            model_name='job',
            name='turn',
            field=models.BigIntegerField(db_default=0, default=0, help_text='The lowest goes first.', verbose_name='turn'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('status', 'queued')), fields=['lane', 'turn', 'id', 'model', 'dispatch_at'], name='job_in_lane'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('status', 'queued')), fields=['wallet', 'lane', 'turn'], name='job_last_of_wallet'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('turn__gte', 0)), name='job_turn_comes'),
        ),
        migrations.AddConstraint(
            model_name='laneclock',
            constraint=models.UniqueConstraint(fields=('backend', 'lane'), name='lane_clock_once'),
        ),
        migrations.AddConstraint(
            model_name='laneclock',
            constraint=models.UniqueConstraint(fields=('backend', 'number'), name='lane_clock_start_is_ones'),
        ),
        migrations.AddConstraint(
            model_name='laneclock',
            constraint=models.CheckConstraint(condition=models.Q(('number__gte', models.F('starts')), ('starts__gte', 1), ('turn__gte', 0)), name='lane_clock_counts_its_starts'),
        ),
        migrations.RunSQL(
            (SQL / "turns.up.sql").read_text(), (SQL / "turns.down.sql").read_text()
        ),
    ]
