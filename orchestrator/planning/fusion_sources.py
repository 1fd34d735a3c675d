"""Which adapters of a sweep a fusion joins: the trials that may stand for each of its tasks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapter_lib.config.arrangement import USUAL, Placement
from orchestrator.planning.grids import Grids
from orchestrator.planning.plan import matches
from orchestrator.spec.axes import Condition
from orchestrator.spec.blocks import FusionGrid, SourceSeed
from orchestrator.spec.source import KeyPath
from workers.contract.task_card import TaskRef
from workers.contract.trial import BaseModelRef, DropMode, FusionSource, Trial

DEFAULT_SOURCE = Condition.model_validate(
    {
        "drop_mode": DropMode.NONE,
        "placement": Placement.PFEIFFER,
        "trained_norm": False,
        "arrangement": USUAL,
    }
)
"""Which adapters a fusion joins unless `where` says otherwise."""


MOST_CANDIDATES = 10_000_000
"""Adapters that the fusions of a sweep may choose among, all fusions together."""

_Place = tuple[str, str, int | None]
"""Task, base model's identity, and seed; None for all seeds."""


@dataclass
class Sources:
    """The adapter trials that fusions choose among, and the sweep's tasks by name."""

    grids: Grids
    tasks: Mapping[str, TaskRef]
    adapters: Sequence[Trial]
    _found: dict[Condition, Mapping[_Place, Sequence[str]]] = field(default_factory=dict)
    _named: int = 0

    def choose(
        self, block: FusionGrid, at: KeyPath, *, base: BaseModelRef, target: TaskRef, seed: int
    ) -> tuple[FusionSource, ...]:
        """Return the candidates of each source task, by name.

        Raises:
            SpecError: adapters that cannot be fused, a named task without any, fewer than two, or
                far too many.
        """
        chosen = block.sources
        wanted = self._wanted(chosen.where, (*at, "sources", "where"))
        named = chosen.tasks not in (("all",), ("others",))
        if not named:
            names = [n for n in self.tasks if chosen.tasks == ("all",) or n != target.name]
        else:
            at_tasks = (*at, "sources", "tasks")
            names = [t.name for t in self.grids.declared(chosen.tasks, self.tasks, at_tasks)]
        sources = []
        for name in sorted(names):  # the order in the YAML is no part of a fusion's identity
            wanted_seed = None if chosen.seed is SourceSeed.ANY else seed
            candidates = self._matching(wanted).get((name, base.identity, wanted_seed), ())
            if candidates:
                self._count(len(candidates), at)
                sources.append(FusionSource(task=name, candidates=tuple(sorted(candidates))))
            elif named:
                raise self.grids.source.error(
                    (*at, "sources"),
                    f"no adapter trial of this sweep for task {name} on {base.name} with seed "
                    f"{seed} matches {_words(wanted)}; add such a block to `trials` or change "
                    "`where`",
                )
        if len(sources) < 2:
            names_found = ", ".join(s.task for s in sources) or "none"
            raise self.grids.source.error(
                (*at, "sources"),
                f"a fusion needs at least two sources, found {len(sources)} ({names_found}) for "
                f"target {target.name} on {base.name} with seed {seed} where {_words(wanted)}; "
                "name more tasks or train more adapters in `trials`",
            )
        return tuple(sources)

    def _matching(self, wanted: Condition) -> Mapping[_Place, Sequence[str]]:
        """Return the adapters that match by where they stand, looked up once a condition."""
        if wanted not in self._found:
            places: dict[_Place, list[str]] = defaultdict(list)
            for trial in self.adapters:
                if matches(trial, wanted):
                    for seed in (trial.seed, None):
                        places[trial.task.name, trial.base.identity, seed].append(trial.trial_id)
            self._found[wanted] = places
        return self._found[wanted]

    def _count(self, candidates: int, at: KeyPath) -> None:
        self._named += candidates
        if self._named > MOST_CANDIDATES:
            raise self.grids.source.error(
                (*at, "sources"),
                f"expected fusions that choose among at most {MOST_CANDIDATES:,} adapters in all, "
                "found more; name fewer with `where`, take `seed: same`, or split the sweep",
            )

    def _wanted(self, where: Condition, at: KeyPath) -> Condition:
        """Return which adapters may be joined, after `where` had its say.

        Raises:
            SpecError: these cannot be fused.
        """
        given = {**DEFAULT_SOURCE.given, **where.given}
        if given["placement"] != (Placement.PFEIFFER,):
            raise self.grids.source.error(
                (*at, "placement"),
                "AdapterFusion joins adapters of placement `pfeiffer`, found "
                + ", ".join(f"`{placement}`" for placement in given["placement"]),
            )
        if given["trained_norm"] != (False,):
            raise self.grids.source.error(
                (*at, "trained_norm"),
                "AdapterFusion joins adapters over the base's own norms; drop it",
            )
        arrangements = given["arrangement"]
        if len(arrangements) != 1 or not arrangements[0] or arrangements[0].own_norms:
            raise self.grids.source.error(
                (*at, "arrangement"),
                "AdapterFusion joins adapters of one arrangement without norms of their own, "
                "found " + ", ".join(f"`{arrangement}`" for arrangement in arrangements),
            )
        return Condition.model_validate(given)


def _words(condition: Condition) -> str:
    return ", ".join(f"{k}: {' or '.join(map(str, v))}" for k, v in condition.given.items())
