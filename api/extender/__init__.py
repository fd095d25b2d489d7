"""What kube-scheduler asks of Aryl: where its own pods may go. The answer is the plan in force."""

from api.extender.mounting import BYTES_MAX, EXTENDER_AT, Sources, mount, unknown
from api.extender.reasons import StoredReasons

__all__ = ["BYTES_MAX", "EXTENDER_AT", "Sources", "StoredReasons", "mount", "unknown"]
