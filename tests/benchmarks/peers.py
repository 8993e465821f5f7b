"""What a plan has to beat: dealing at random, in stripes, greedily, and plain swapping on a matrix of pair costs."""

import time

import numpy as np
from numba import njit

from groups.reshuffling.annealing import blank_state
from groups.reshuffling.dealing import deal
from groups.reshuffling.measuring import random_seats
from groups.reshuffling.plans import Plan
from groups.reshuffling.problem import MILLION
from groups.reshuffling.tables import tables_of, units_of


def random_plan(problem, *, seed, seconds=None):
    return Plan.seating(problem, next(random_seats(problem, [problem.max_moves], seed=seed)))


def striped(problem, *, seed, seconds=None):
    """Sorted by old groups, then dealt round; knows no rules."""
    order = np.lexsort([*problem.sat[::-1], problem.current]) if len(problem.sat) else np.arange(len(problem.members))
    at = np.empty(len(order), np.int64)
    at[order] = np.arange(len(order)) % len(problem.groups)
    return Plan.seating(problem, at)


def greedy(problem, *, seed, seconds=None):
    """Each in turn where they cost least; under a budget everybody at home."""
    units = units_of(problem)
    tables = tables_of(problem, units)
    state = blank_state(tables, seed)
    deal(tables, state)
    return Plan.seating(problem, state.at[units.of])


def climbing(problem, *, seed, seconds=1.0):
    """Swaps of two members that pay, out of random dealing, until the time is over; knows no rules but the group sizes."""
    at = next(random_seats(problem, [problem.max_moves], seed=seed)).astype(np.int64)
    prices = _pair_prices(problem)
    gain = np.zeros((len(problem.groups), len(at)), np.float32)
    for group in range(len(gain)):
        gain[group] = prices[at == group].sum(0)
    state = np.array([seed * 7919 + 12345], np.uint64)
    _climb(at, gain, prices, state, 10)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and _climb(at, gain, prices, state, 200_000):
        pass
    return Plan.seating(problem, at)


def _pair_prices(problem):
    """What two cost when they share a group; a tag counts for both who have it."""
    many = len(problem.members)
    prices, met = np.zeros((many, many), np.float32), np.zeros((many, many), np.bool_)
    for sat, weight in zip(problem.sat, problem.lambdas, strict=True):
        same = (sat[:, None] == sat[None, :]) & (sat >= 0)[:, None]
        prices += same * np.float32(weight / MILLION)
        met |= same
    prices += met * np.float32(problem.weight("known") / MILLION)
    for tag, values in problem.tags.items():
        for who in values.values():
            prices[np.ix_(who, who)] += problem.weight(tag) / MILLION
    np.fill_diagonal(prices, 0)
    return prices


@njit(cache=True)
def _climb(at, gain, prices, state, tries):
    """How many swaps paid."""
    paid, many = 0, len(at)
    for _ in range(tries):
        state[0] = state[0] * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        i = np.int64(((state[0] >> np.uint64(32)) * np.uint64(many)) >> np.uint64(32))
        state[0] = state[0] * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        j = np.int64(((state[0] >> np.uint64(32)) * np.uint64(many)) >> np.uint64(32))
        a, b = at[i], at[j]
        if a == b:
            continue
        d = gain[b, i] - gain[a, i] + gain[a, j] - gain[b, j] - 2 * prices[i, j]
        if d >= -1e-4:
            continue
        paid += 1
        at[i], at[j] = b, a
        for x in range(many):
            step = prices[i, x] - prices[j, x]
            gain[b, x] += step
            gain[a, x] -= step
    return paid
