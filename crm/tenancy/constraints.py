"""The sentence of a constraint that the database refused by."""

from django.apps import apps


def name(error):
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def sentence(error):
    """None where no model of ours knows the constraint."""
    wanted = name(error)
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == wanted:
                return str(constraint.get_violation_error_message())
    return None
