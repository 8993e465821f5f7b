"""What the database's planner knows of the tables.

Where a table grew a hundredfold in one transaction, the planner takes it for almost empty until the server's own analysis comes by,
a minute later; until then it may answer a question of milliseconds by comparing everything with everything.
"""

from django.db import connection, transaction


def learn(*models):
    """Once the transaction has ended, the planner learns how large these tables are and what they hold."""
    tables = [model._meta.db_table for model in models]

    def now():
        with connection.cursor() as cursor:
            cursor.execute("SELECT learn_table(name::regclass) FROM unnest(%s::text[]) AS name", [tables])

    transaction.on_commit(now, robust=True)
