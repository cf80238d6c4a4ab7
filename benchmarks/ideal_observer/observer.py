"""The ideal observer: learns from what a shop sees, and sends what is worth most on average over all that may be true."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.ideal_observer.grid import Evidence, Grid, make_grid
from benchmarks.ideal_observer.lifts import Lifts, meant, no_lifts, some_people, told
from benchmarks.ideal_observer.needs import Needs
from benchmarks.ideal_observer.persuasion import Persuasion
from benchmarks.ideal_observer.sightings import Notebook, Seen, notebook
from benchmarks.ideal_observer.tastes import Tastes, tastes_of
from training.simulation.state import NOTHING, State
from training.simulation.world import WEEK, Happened, World

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_CLICK_DRAWS = 6  # states drawn for each point of haste when somebody opens a message


@dataclass
class Observer:
    """Of one world; told of every day, in order.

    Attributes:
        world: of which only this is read: its file, offers, what was in stock up to today, the season, on which day who signed up.
        evidence: what is used.
        notes, tastes, needs, persuasion: what is known of each.
        state: what the shop knows of messages: fatigue, the last offer and its day; nothing else in it is true.
        lifts: of the last messages.
        random: source of chance.
    """

    world: World
    evidence: Evidence
    notes: Notebook
    tastes: Tastes
    needs: Needs
    persuasion: Persuasion
    state: State
    lifts: Lifts
    random: np.random.Generator
    _learned: int = field(default=-1)

    def history(self, days: list[Happened]) -> None:
        """Learn from many days at once: tastes first, as stock and prices need them from the first day."""
        ahead = notebook(self.world)
        for happened in days:
            ahead.read(happened)
        self.tastes = self._taste(ahead)
        for happened in days:
            self.day(self.notes.read(happened))

    def week(self, days: list[Happened]) -> None:
        """Learn from a week that is over."""
        for happened in days:
            self.day(self.notes.read(happened))
        self.tastes = self._taste(self.notes)

    def day(self, seen: Seen) -> None:
        """Learn from a day, the messages of its morning first."""
        if (seen.sent != NOTHING).any() or seen.day % WEEK == 0:
            self._messages(seen)
        share = self._share(seen.day)
        self.lifts.fade = float(np.exp(-(seen.day % WEEK) / self.world.parameters.messages.fading_days))
        self.needs.step(seen, share, self.lifts)
        self.persuasion.bought(seen, self.lifts, self.needs.needed, self.needs.pointed)
        self.state.fatigue *= np.exp(-1 / self.world.parameters.messages.fatigue_days)
        self.state.day += 1

    def _messages(self, seen: Seen) -> None:
        rows = np.flatnonzero(seen.sent != NOTHING)
        self.persuasion.sent(rows, seen.opened[rows], self.state.fatigue[rows])
        price_mean, price_variance = self.tastes.moments()
        spread = self.world.parameters.people.price_spread
        sensitivity = np.exp(spread * price_mean + 0.5 * spread**2 * price_variance)
        self.lifts = told(self.world, self.state, seen, sensitivity, self.lifts)
        if self.evidence.clicks:
            for number in np.unique(seen.sent[seen.opened]).tolist():
                self._clicks(number, np.flatnonzero(seen.opened & (seen.sent == number)), seen, sensitivity)
        self.state.offer[rows], self.state.sent[rows] = seen.sent[rows], seen.day
        self.state.fatigue[rows] += 1.0
        self.lifts.mean, self.lifts.variance = self.persuasion.moments(price_mean, price_variance)

    def _clicks(self, number: int, rows: Numbers, seen: Seen, sensitivity: Array) -> None:
        h, k = len(self.needs.grid.haste), len(self.world.parameters.categories)
        haste = np.broadcast_to(np.repeat(np.arange(h), _CLICK_DRAWS), (len(rows), h * _CLICK_DRAWS))
        spell = self.spell(rows, haste)
        drawn = self.needs.draw(rows, haste, spell, self.random).flat()
        many = np.repeat(rows, h * _CLICK_DRAWS)
        someone = some_people(self.world, len(many), responsiveness=np.zeros(len(many)), sensitivity=sensitivity[many], cycle=drawn.cycle)
        someone = replace(someone, needed_from=np.where(drawn.waits, 0, someone.needed_from))
        none = meant(self.world, self.state, number, many, someone, wanted=drawn.used, age=drawn.age)
        one = meant(
            self.world, self.state, number, many, replace(someone, responsiveness=np.ones(len(many))), wanted=drawn.used, age=drawn.age
        )
        shape = (len(rows), h, _CLICK_DRAWS, k)
        self.persuasion.clicked(rows, seen.clicked[rows], (one - none).reshape(shape), none.reshape(shape))

    def spell(self, rows: Numbers, haste: Numbers) -> Numbers:
        """`haste`'s shape: a spell each, given haste."""
        person = self.needs.person[rows[:, None], haste]
        reached = np.cumsum(person / person.sum(axis=2, keepdims=True), axis=2)
        spell: Numbers = (reached[..., :-1] <= self.random.random((*haste.shape, 1))).sum(axis=2)
        return spell

    def _share(self, day: int) -> Array:
        stocked = self.world.surroundings.stocked[day]
        return np.add.reduceat(self.tastes.mean * stocked, _firsts(self.world), axis=1)

    def _taste(self, notes: Notebook) -> Tastes:
        return tastes_of(self.world.parameters, notes.choices, self.world.surroundings.stocked, self.world.people.count)


def _firsts(world: World) -> Numbers:
    return np.flatnonzero(np.diff(world.category_of, prepend=-1))


def observer(world: World, *, evidence: Evidence = Evidence(), grid: Grid | None = None, seed: int = 0) -> Observer:  # noqa: B008 - frozen
    """One who has seen nothing yet."""
    grid = grid or make_grid(world.parameters, evidence=evidence)
    surroundings = world.surroundings
    needs = np.array([surroundings.at(day).needs for day in range(surroundings.days)])
    arrives = world.people.arrives
    blank = world.begin()
    n, k = world.people.cycle.shape
    return Observer(
        world,
        evidence,
        notebook(world),
        tastes_of(world.parameters, [], surroundings.stocked, n),
        Needs(world.parameters, grid, arrives, surroundings.season * needs[:, None], evidence),
        Persuasion(world.parameters, grid.haste, arrives),
        blank,
        no_lifts(n, k, len(grid.haste)),
        np.random.default_rng(seed),
    )
