import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0003_a_task_given_by_hand"),
    ]

    operations = [
        migrations.AlterField(
            model_name="task",
            name="group",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="groups.group"),
        ),
    ]
