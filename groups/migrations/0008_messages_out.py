import crm.tenancy.models.base
import crm.tenancy.secrets
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups', '0007_late_tasks_rise'),
        ('members', '0005_what_members_are_found_by'),
        ('tenancy', '0006_a_week_of_work'),
    ]

    operations = [
        migrations.AlterField(
            model_name='task',
            name='kind',
            field=models.CharField(choices=[('move', 'invite into another group'), ('renewal', 'ask about renewal'), ('given', 'given by hand'), ('slot', 'of the rhythm'), ('push', 'send into a group')], max_length=20),
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('wecom', 'WeCom robot'), ('feishu', 'Feishu robot'), ('dingtalk', 'DingTalk robot'), ('slack', 'Slack'), ('discord', 'Discord'), ('telegram', 'Telegram'), ('mail', 'mail'), ('webhook', 'signed webhook')], max_length=10, verbose_name='kind')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('address', crm.tenancy.secrets.EncryptedTextField(verbose_name='address')),
                ('secret', crm.tenancy.secrets.EncryptedTextField(blank=True, verbose_name='secret')),
                ('hint', models.CharField(max_length=120)),
                ('text', models.BooleanField(default=True, verbose_name='texts')),
                ('picture', models.BooleanField(default=True, verbose_name='pictures')),
                ('card', models.BooleanField(default=True, verbose_name='cards')),
                ('a_day', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='most a day')),
                ('a_minute', models.PositiveSmallIntegerField(default=20, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)], verbose_name='messages a minute')),
                ('quiet_from', models.TimeField(blank=True, null=True, verbose_name='quiet from')),
                ('quiet_until', models.TimeField(blank=True, null=True, verbose_name='quiet until')),
                ('otherwise', models.CharField(choices=[('later', 'it waits until it may go out'), ('by_hand', 'somebody sends it by hand')], default='later', max_length=8, verbose_name='in quiet hours')),
                ('state', models.CharField(choices=[('on', 'on'), ('off', 'off')], default='on', max_length=4, verbose_name='state')),
                ('because', models.CharField(blank=True, max_length=24)),
                ('rests_until', models.DateTimeField(blank=True, null=True)),
                ('sent', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), blank=True, default=list, size=None)),
                ('ended_on', models.DateField(blank=True, null=True)),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='channels', to='groups.group')),
                ('tenant', crm.tenancy.models.base.TenantField()),
            ],
        ),
        migrations.CreateModel(
            name='Push',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('due_at', models.DateTimeField()),
                ('cause', models.CharField(max_length=80)),
                ('title', models.CharField(max_length=60)),
                ('text', models.TextField(blank=True)),
                ('card', models.JSONField(null=True)),
                ('minutes', models.PositiveSmallIntegerField(default=2)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sending', 'being sent'), ('sent', 'sent'), ('failed', 'not sent'), ('by_hand', 'sent by hand'), ('unsure', 'may have been sent'), ('withdrawn', 'withdrawn')], default='waiting', max_length=12)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('parts', models.PositiveSmallIntegerField(default=0)),
                ('reason', models.CharField(blank=True, max_length=24)),
                ('begun_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.seat')),
                ('channel', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pushes', to='groups.channel')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pushes', to='groups.group')),
                ('member', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pushes', to='members.member')),
                ('picture', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.file')),
                ('task', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pushes', to='groups.task')),
                ('tenant', crm.tenancy.models.base.TenantField()),
            ],
        ),
        migrations.AddIndex(
            model_name='channel',
            index=models.Index(condition=models.Q(('ended_on', None)), fields=['tenant', 'group'], name='channel_group'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quiet_from', None), ('quiet_until', None)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False)), _connector='OR'), name='quiet_hours_begin_and_end', violation_error_message='Quiet hours need a beginning and an end.'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['due_at'], name='push_due'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(fields=['tenant', 'channel', 'begun_at'], name='push_of_a_day'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(fields=['tenant', 'group', '-id'], name='push_group'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(fields=['tenant', 'task'], name='push_task'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(condition=models.Q(('state__in', ['unsure', 'failed'])), fields=['tenant'], name='push_asking'),
        ),
        migrations.AddConstraint(
            model_name='push',
            constraint=models.UniqueConstraint(fields=('tenant', 'cause'), name='a_cause_pushes_once'),
        ),
    ]
