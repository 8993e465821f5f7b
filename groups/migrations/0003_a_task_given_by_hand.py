from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0002_reminders_of_terms"),
    ]

    operations = [
        migrations.AlterField(
            model_name="task",
            name="kind",
            field=models.CharField(
                choices=[("move", "invite into another group"), ("renewal", "ask about renewal"), ("given", "given by hand")], max_length=20
            ),
        ),
    ]
