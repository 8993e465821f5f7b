"""What a plan is worth, counted exactly: everything an owner is told about it, before and after."""

import numpy as np
from numba import njit

from .problem import MILLION
from .plans import seats_of


@njit(cache=True)
def count_known(at, sat, lambdas, groups):
    """Per member whom of the new group they have ever sat with, the same weighted, and all mates; per cohort the pairs."""
    members, cohorts = len(at), len(sat)
    first = np.zeros(groups + 1, np.int64)
    for i in range(members):
        first[at[i] + 1] += 1
    first = np.cumsum(first)
    inside = np.argsort(at, kind="mergesort")
    known, weighted, pairs = np.zeros(members, np.int64), np.zeros(members, np.int64), np.zeros(cohorts, np.int64)
    turned = sat.T.copy()
    for g in range(groups):
        for x in range(first[g], first[g + 1]):
            i = inside[x]
            for y in range(x + 1, first[g + 1]):
                j = inside[y]
                worth, met = np.int64(0), False
                for k in range(cohorts):
                    if turned[i, k] >= 0 and turned[i, k] == turned[j, k]:
                        met = True
                        pairs[k] += 1
                        worth += lambdas[k]
                if met:
                    known[i] += 1
                    known[j] += 1
                    weighted[i] += worth
                    weighted[j] += worth
    return known, weighted, pairs


def even_pairs(many, rooms):
    """The fewest pairs that share a room when so many people are dealt to so many rooms."""
    each, more = divmod(int(many), rooms)
    return rooms * each * (each - 1) // 2 + more * each


def terms_of(problem, at, known, pairs):
    """The terms of the cost in millionths."""
    groups = len(problem.groups)
    terms = {"repeats": sum(int(weight) * int(many) for weight, many in zip(problem.lambdas, pairs, strict=True))}
    if "known" in problem.weights:
        terms["known"] = problem.weight("known") * (int(known.sum()) // 2)
    for tag, values in problem.tags.items():
        terms[f"uneven {tag}"] = problem.weight(tag) * sum(_unevenness(at[who], groups) for who in values.values())
    if "size" in problem.weights:
        terms["uneven size"] = problem.weight("size") * _unevenness(at, groups)
    if len(problem.tie_pairs) and "tie" in problem.weights:
        one, other = problem.tie_pairs.T
        terms["ties"] = problem.weight("tie") * int(problem.tie_strengths[at[one] == at[other]].sum()) // MILLION
    return terms


def _unevenness(where, groups):
    many = np.bincount(where, minlength=groups)
    return int((many * (many - 1) // 2).sum()) - even_pairs(len(where), groups)


def cost_of(problem, plan):
    at = seats_of(problem, plan.assignment)
    known, _, pairs = count_known(at, problem.sat, problem.lambdas, len(problem.groups))
    return sum(terms_of(problem, at, known, pairs).values()) / MILLION
