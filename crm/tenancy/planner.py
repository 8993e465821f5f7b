"""What the database's planner knows of the tables.

Where a table grew a hundredfold in one transaction, the planner takes it for almost empty until the server's own analysis comes by,
a minute later; until then it may answer a question of milliseconds by comparing everything with everything. So may the COMMIT: for each
new row it looks up the rows that this one names.
"""

from django.db import connection


def learn(*models):
    """The planner learns how large these tables are and what they hold, with what this transaction has written."""
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in models]
        cursor.execute("SELECT learn_table(name::regclass) FROM unnest(%s::text[]) AS name", [tables])
