import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("groups", "0016_talks_by_hand")]

    operations = [
        migrations.AlterField(
            model_name="move",
            name="reshuffle",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="moves", to="groups.reshuffle"
            ),
        ),
        migrations.AlterField(
            model_name="move",
            name="wave",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="groups.wave"),
        ),
        migrations.AddConstraint(
            model_name="move",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reshuffle", None), ("state", "waiting")),
                fields=("tenant", "member"),
                name="one_single_move_at_once",
            ),
        ),
    ]
