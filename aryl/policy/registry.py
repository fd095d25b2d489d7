"""Every policy part by name: one visible place to find, add or mix them."""

from collections.abc import Mapping
from typing import Any

from aryl.model.errors import BadInput
from aryl.policy.config import PARTS, PolicyConfig, policy_config
from aryl.policy.forecasting import FORECASTERS
from aryl.policy.loaning import LOANINGS
from aryl.policy.ordering import ORDERINGS
from aryl.policy.placement import PLACEMENTS
from aryl.policy.preempting import PREEMPTIONS
from aryl.policy.scaling import SCALINGS
from aryl.policy.victims import RECLAIMS

REGISTRIES: Mapping[str, Mapping[str, Any]] = {
    "ordering": ORDERINGS,
    "placement": PLACEMENTS,
    "loaning": LOANINGS,
    "reclaim": RECLAIMS,
    "scaling": SCALINGS,
    "preemption": PREEMPTIONS,
    "forecaster": FORECASTERS,
}

assert set(PARTS) <= set(REGISTRIES)


def load_policy(
    given: Mapping[str, Any], *, scheme: str | None = None, source: str = "policy"
) -> PolicyConfig:
    """A checked configuration from a `[policy]` table (spec §3). Raises `BadInput`."""
    config = policy_config(given, scheme=scheme, source=source)
    for part, entries in REGISTRIES.items():
        name = getattr(config, part)
        if name not in entries:
            raise BadInput(
                source, "is not registered", column=part, value=name, expected=", ".join(entries)
            )
    return config
