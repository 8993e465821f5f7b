"""Does a plan keep every hard rule? Looks only at the problem and at names, and shares no code with the solver."""

from collections import Counter


def broken_rules(problem, plan):
    """A sentence for each rule that does not hold."""
    goes = plan.assignment
    names = problem.members
    return [
        *_unplaced(problem, goes),
        *_sizes(problem, goes),
        *_barred(problem, goes),
        *(
            f"{names[bond[0]]} and the others of the bond do not sit together."
            for bond in problem.bonds
            if len({goes.get(names[member]) for member in bond}) > 1
        ),
        *(
            f"{names[one]} and {names[other]} are kept apart, but both sit in {goes[names[one]]}."
            for one, other in problem.apart
            if goes.get(names[one]) is not None and goes.get(names[one]) == goes.get(names[other])
        ),
        *_moves(problem, goes),
    ]


def _unplaced(problem, goes):
    known = set(problem.groups)
    for member in problem.members:
        if goes.get(member) not in known:
            yield f"{member} has no group."


def _sizes(problem, goes):
    size = Counter(goes.get(member) for member in problem.members)
    for group, low, high in zip(problem.groups, problem.low, problem.high, strict=True):
        if size[group] < low:
            yield f"{group} has {size[group]} members, at least {low} are required."
        if size[group] > high:
            yield f"{group} has {size[group]} members, at most {high} fit."


def _barred(problem, goes):
    for at, member in enumerate(problem.members):
        if problem.pinned[at] and goes.get(member) != problem.group_names_now[at]:
            yield f"{member} is pinned to {problem.group_names_now[at]}."
        may = problem.allowed[at]
        if may is not None and goes.get(member) not in {problem.groups[group] for group in may}:
            yield f"{goes.get(member)} is closed to {member}."


def _moves(problem, goes):
    now = problem.group_names_now
    moves = sum(now[at] is not None and goes.get(member) != now[at] for at, member in enumerate(problem.members))
    if problem.max_moves is not None and moves > problem.max_moves:
        yield f"The plan needs {moves} moves, at most {problem.max_moves} are allowed."
