import crm.tenancy.models.base
import django.core.validators
import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0004_a_task_without_a_group"),
        ("tenancy", "0006_a_week_of_work"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="chat_url",
            field=models.URLField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="task",
            name="picture",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.file"),
        ),
        migrations.AddField(
            model_name="task",
            name="proof",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.file"),
        ),
        migrations.AddField(
            model_name="task",
            name="risen",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="task",
            name="title",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="task",
            name="wants_proof",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="task",
            name="kind",
            field=models.CharField(
                choices=[
                    ("move", "invite into another group"),
                    ("renewal", "ask about renewal"),
                    ("given", "given by hand"),
                    ("slot", "of the rhythm"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="tick",
            name="act",
            field=models.CharField(
                choices=[("done", "Done"), ("impossible", "Impossible"), ("undo", "Undo"), ("later", "Later")], max_length=12
            ),
        ),
        migrations.CreateModel(
            name="Rhythm",
            fields=[
                ("id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("mode", models.CharField(choices=[("light", "light"), ("heavy", "heavy")], max_length=8, verbose_name="mode")),
                ("is_usual", models.BooleanField(default=False)),
                ("ended_on", models.DateField(blank=True, null=True)),
                ("tenant", crm.tenancy.models.base.TenantField()),
            ],
        ),
        migrations.AddField(
            model_name="group",
            name="rhythm",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="groups", to="groups.rhythm"
            ),
        ),
        migrations.CreateModel(
            name="Slot",
            fields=[
                ("id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(validators=[django.core.validators.MaxValueValidator(6)], verbose_name="weekday"),
                ),
                ("at", models.TimeField(verbose_name="time")),
                (
                    "practice",
                    models.CharField(
                        choices=[("post", "fixed post"), ("chain", "order chain"), ("talk", "talk"), ("review", "review")],
                        default="post",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("title", models.CharField(max_length=60, verbose_name="what is done")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                (
                    "minutes",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(480)],
                        verbose_name="minutes",
                    ),
                ),
                (
                    "within",
                    models.PositiveSmallIntegerField(
                        default=60,
                        validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(1440)],
                        verbose_name="minutes until it is late",
                    ),
                ),
                (
                    "given",
                    models.CharField(
                        choices=[("group", "to the group's assistant"), ("turn", "by turns"), ("free", "to whoever is free")],
                        default="group",
                        max_length=8,
                        verbose_name="given",
                    ),
                ),
                ("wants_proof", models.BooleanField(default=False, verbose_name="with a photo as proof")),
                ("ended_on", models.DateField(blank=True, null=True)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="own_slots", to="groups.group"
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.file"
                    ),
                ),
                (
                    "rhythm",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="slots", to="groups.rhythm"
                    ),
                ),
                ("tenant", crm.tenancy.models.base.TenantField()),
            ],
        ),
        migrations.CreateModel(
            name="Occurrence",
            fields=[
                ("id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField()),
                ("day", models.DateField()),
                ("wall_time", models.DateTimeField()),
                ("is_moved", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("handed_out", "handed out"), ("paused", "paused"), ("dropped", "dropped")],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="occurrences", to="groups.group")),
                (
                    "task",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="occurrences", to="groups.task"),
                ),
                ("tenant", crm.tenancy.models.base.TenantField()),
                ("slot", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="occurrences", to="groups.slot")),
            ],
        ),
        migrations.CreateModel(
            name="Pause",
            fields=[
                ("id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60, verbose_name="what for")),
                ("since", models.DateField(verbose_name="first day")),
                ("until", models.DateField(verbose_name="last day")),
                (
                    "group",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="pauses", to="groups.group"
                    ),
                ),
                ("tenant", crm.tenancy.models.base.TenantField()),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "until"], name="pause_until")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("until__gte", models.F("since"))),
                        name="a_pause_ends_after_it_begins",
                        violation_error_message="The pause ends before it begins.",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="rhythm",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_on", None)),
                fields=("tenant", "name"),
                name="a_rhythm_name_once",
                violation_error_message="There is a rhythm of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="rhythm",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_usual", True)), fields=("tenant", "mode"), name="one_usual_rhythm_of_a_mode"
            ),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(fields=["tenant", "rhythm"], name="slot_rhythm"),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(fields=["tenant", "group"], name="slot_group"),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("group__isnull", False), ("rhythm", None)),
                    models.Q(("group", None), ("rhythm__isnull", False)),
                    _connector="OR",
                ),
                name="a_slot_is_of_a_rhythm_or_a_group",
            ),
        ),
        migrations.AddIndex(
            model_name="occurrence",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["due_at"], name="occurrence_due"),
        ),
        migrations.AddIndex(
            model_name="occurrence",
            index=models.Index(fields=["tenant", "wall_time"], name="occurrence_week"),
        ),
        migrations.AddIndex(
            model_name="occurrence",
            index=models.Index(fields=["tenant", "task"], name="occurrence_task"),
        ),
        migrations.AddConstraint(
            model_name="occurrence",
            constraint=models.UniqueConstraint(fields=("tenant", "slot", "group", "day"), name="an_occurrence_once"),
        ),
    ]
