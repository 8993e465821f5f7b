"""An answer: who sits where."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plan:
    assignment: dict  # member's id -> group's id
    moves: int

    @classmethod
    def seating(cls, problem, at):
        """`at` holds each member's group by number."""
        assignment = {member: problem.groups[g] for member, g in zip(problem.members, at, strict=True)}
        return cls(assignment, int(problem.moved(np.asarray(at, np.int64)).sum()))

    @classmethod
    def from_json(cls, problem, raw):
        return cls.seating(problem, seats_of(problem, raw))

    def to_json(self):
        return dict(self.assignment)


def seats_of(problem, assignment):
    """Each member's group by number; -1 where the assignment names none of the problem's groups."""
    number = {group: at for at, group in enumerate(problem.groups)}
    return np.array([number.get(assignment.get(member), -1) for member in problem.members], np.int64)
