"""Who submits: users with models they come back to, and batches of jobs alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.synthetic_recipe import Recipe

# Families a V100 cluster of 2020 trains; the first four are the paper's elastic ones (paper §4).
MODELS = (
    *("ResNet-50", "VGG16", "BERT", "GNMT-16", "Transformer-XL", "DeepSpeech2", "YOLOv3"),
    *("Mask-R-CNN", "DLRM", "Wide-Deep", "U-Net", "GPT-2", "EfficientNet", "WaveNet"),
)
QUEUES = 14  # as many virtual clusters as Philly has
MODELS_PER_USER = 4
MODEL_ODDS = (0.5, 0.25, 0.15, 0.1)  # a user's main model gets half of the work


@dataclass(frozen=True, slots=True)
class People:
    """Per submission: its user, its model's place in MODELS, its project and how many jobs."""

    user: NDArray[np.int64]
    model: NDArray[np.int64]
    project: NDArray[np.int64]
    projects: int
    jobs: NDArray[np.int64]


def draw_people(chance: np.random.Generator, jobs: int, recipe: Recipe) -> People:
    """Draw the submissions that make up exactly `jobs` jobs."""
    sizes = _submission_sizes(chance, jobs, recipe)
    users = max(1, round(jobs / recipe.jobs_per_user))
    activity = np.arange(1, users + 1) ** -recipe.user_skew
    user = chance.choice(users, size=len(sizes), p=activity / activity.sum())
    turn = chance.choice(MODELS_PER_USER, size=len(sizes), p=MODEL_ODDS)
    repertoire = np.argsort(chance.random((users, len(MODELS))), axis=1)[:, :MODELS_PER_USER]
    return People(
        user,
        repertoire[user, turn],
        user * MODELS_PER_USER + turn,
        users * MODELS_PER_USER,
        sizes,
    )


def _submission_sizes(chance: np.random.Generator, jobs: int, recipe: Recipe) -> NDArray[np.int64]:
    """How many jobs each submission has: mostly one, sometimes a sweep."""
    mean, share = recipe.sweep_jobs, recipe.sweep_job_share
    is_sweep = chance.random(jobs) < share / (mean - (mean - 1) * share)
    sizes = np.where(is_sweep, 1 + chance.geometric(1 / (mean - 1), jobs), 1)
    total = np.cumsum(sizes)
    count = int(np.searchsorted(total, jobs)) + 1
    sizes = sizes[:count]
    sizes[-1] -= total[count - 1] - jobs
    return sizes
