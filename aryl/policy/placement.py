"""Which pool a job's workers go to first, and which servers they may use there (paper §5.3)."""

from collections.abc import Callable

from aryl.model.capacity import Group, Groups
from aryl.model.cluster import Pool
from aryl.model.job import JobSpec

TRAINING: Groups = (Group.TRAINING,)
LOAN_FOR_BASE: Groups = (Group.BASE_LOAN, Group.VACANT_LOAN)
LOAN_FOR_FLEXIBLE: Groups = (Group.FLEXIBLE_LOAN, Group.VACANT_LOAN)

Side = tuple[Groups, Pool]  # servers that may take base workers, and their pool
Sides = Callable[[JobSpec], tuple[Side, ...]]

TRAINING_SIDE: Side = (TRAINING, Pool.TRAINING)
LOAN_SIDE: Side = (LOAN_FOR_BASE, Pool.INFERENCE)

SHORT_S = 4 * 3600.0  # an elastic job that runs longer than so on its base workers runs long


def training_first(spec: JobSpec) -> tuple[Side, ...]:
    """Training servers first for every job: no special care for elastic ones (paper Table 6)."""
    return (TRAINING_SIDE, LOAN_SIDE) if spec.can_borrow else (TRAINING_SIDE,)


def elastic_to_loans(spec: JobSpec) -> tuple[Side, ...]:
    """Inelastic jobs on training servers first, elastic ones on on-loan servers first.

    The base of a heterogeneous job goes to training servers, as its flexible workers can go to
    on-loan ones all the same (paper §5.3).
    """
    if spec.is_elastic and spec.fungible and not spec.heterogeneous:
        return (LOAN_SIDE, TRAINING_SIDE)
    return training_first(spec)


def borrowers_to_loans(spec: JobSpec) -> tuple[Side, ...]:
    """Fungible jobs on on-loan servers first, except elastic ones that run long.

    Those servers that go back before a job ends come last of all (`Rules.leaving_before`), so that
    jobs with an end in sight leave training servers to all others. A long elastic job grows, and
    that takes more GPUs of the inference type. Heterogeneous jobs are placed as ever.
    """
    stays_small = not spec.is_elastic or spec.estimated_work <= SHORT_S * spec.min_workers
    if stays_small and spec.fungible and not spec.heterogeneous:
        return (LOAN_SIDE, TRAINING_SIDE)
    return training_first(spec)


def apart(spec: JobSpec) -> tuple[Side, ...]:
    """Fungible jobs on on-loan servers only, all others on training servers only."""
    return (LOAN_SIDE,) if spec.fungible else (TRAINING_SIDE,)


PLACEMENTS: dict[str, Sides] = {
    "best-fit": elastic_to_loans,
    "best-fit-training-first": training_first,
    "return-aware": borrowers_to_loans,
}


def growth_groups(pool: Pool) -> Groups:
    """The servers that flexible workers may go to in a pool."""
    return TRAINING if pool is Pool.TRAINING else LOAN_FOR_FLEXIBLE
