"""Cuts a window out of a trace, with the jobs that were running when it opened."""

from dataclasses import replace

from aryl.model.errors import BadInput
from traces.job import Trace, TraceJob, trace_of


def window_of(trace: Trace, start_s: float, length_s: float) -> Trace:
    """Keep the jobs submitted in [start_s, start_s + length_s), with times from the window's start.

    Jobs are assumed to have run from their submission on. Those still running at the start are
    carried in: submitted at 0 with what remains of their run time. Raises BadInput if nothing is
    left.
    """
    chosen: list[TraceJob] = []
    places: list[int] = []
    for place, job in enumerate(trace.jobs):
        if job.submit_s >= start_s + length_s:
            break
        kept = _in_window(job, start_s)
        if kept is not None:
            chosen.append(kept)
            places.append(place)
    if not chosen:
        last_s = trace.jobs[-1].submit_s
        problem = f"has no job between {start_s:.0f} s and {start_s + length_s:.0f} s"
        raise BadInput(trace.path, problem, expected=f"a start of at most {last_s:.0f} s")
    extra = {name: [cells[place] for place in places] for name, cells in trace.extra.items()}
    return trace_of(trace.path, chosen, extra)


def _in_window(job: TraceJob, start_s: float) -> TraceJob | None:
    if job.submit_s >= start_s:
        return replace(job, submit_s=job.submit_s - start_s, carry_in=bool(job.carry_in))
    ran_s = start_s - job.submit_s
    if job.duration_s <= ran_s:
        return None
    estimated_s = job.estimated_duration_s
    return replace(
        job,
        submit_s=0.0,
        duration_s=job.duration_s - ran_s,
        estimated_duration_s=None if estimated_s is None else max(0.0, estimated_s - ran_s),
        carry_in=True,
    )
