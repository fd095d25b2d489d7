"""Each rule of the checker of a run's files can fail: a good run is changed to break it."""

import re
from pathlib import Path

import pytest

from tests.checker.check import check_run
from tests.checker.replays import Stage
from tests.checker.shape import Knobs
from tests.checker.tampering import Tables, Tampering, add, more_workers, tampered


def _overfill(run: Tables) -> None:
    more_workers(next(run.held(server_id="train-")), 9)


def _miscount_gpus(run: Tables) -> None:
    add(run.allocations[0], "gpus", 1)


def _name_no_server(run: Tables) -> None:
    run.allocations[0]["server_id"] = "train-0099"


def _drop_a_base_worker(run: Tables) -> None:
    more_workers(next(r for r in run.held(kind="base") if int(r["workers"]) > 1), -1)


def _break_a_unit(run: Tables) -> None:
    on_loan = run.held(kind="flexible", server_id="infer-")
    more_workers(next(row for row in on_loan if int(row["workers"]) > 1), -1)


def _exceed_the_most(run: Tables) -> None:
    more_workers(next(run.held(kind="flexible")), 20)


def _disallow_sizes(run: Tables) -> None:
    run.asked(next(run.held(kind="flexible"))["job_id"])["allowed_workers"] = "99"


def _mix_types(run: Tables) -> None:
    on_loan = run.held(kind="flexible", server_id="infer-")
    row = next(r for r in on_loan if run.job(r["job_id"])["heterogeneous"] == "0")
    row["server_id"] = "train-0001"


def _lend_to_the_unfit(run: Tables) -> None:
    on_loan = run.held(server_id="infer-")
    job_id = next(r["job_id"] for r in on_loan if run.job(r["job_id"])["heterogeneous"] == "0")
    run.job(job_id)["fungible"] = run.asked(job_id)["fungible"] = "0"


def _forget_that_it_is_fungible(run: Tables) -> None:
    next(job for job in run.jobs if job["fungible"] == "1")["fungible"] = "0"


def _draw_heterogeneous_jobs(run: Tables) -> None:
    job = next(job for job in run.jobs if job["heterogeneous"] == "0")
    job["heterogeneous"], run.asked(job["job_id"])["heterogeneous"] = "1", ""


def _work_without_loan(run: Tables) -> None:
    server_id = next(run.held(server_id="infer-"))["server_id"]
    run.loans[:] = [loan for loan in run.loans if loan["server_id"] != server_id]


def _stay_after_reclaim(run: Tables) -> None:
    row = next(run.held(server_id="infer-"))
    for loan in run.loans:
        lasts = not loan["reclaim_s"] or float(loan["reclaim_s"]) >= float(row["end_s"])
        begun = float(loan["start_s"]) <= float(row["start_s"])
        if loan["server_id"] == row["server_id"] and begun and lasts:
            loan["reclaim_s"] = loan["end_s"] = str(float(row["end_s"]) - 0.5)


def _lend_twice(run: Tables) -> None:
    run.loans.append(dict(run.loans[0]))


def _return_late(run: Tables) -> None:
    add(next(loan for loan in run.loans if loan["end_s"]), "end_s", 0.5)


def _share_an_on_loan_server(run: Tables) -> None:
    bases = list(run.held(kind="base", server_id="infer-"))
    for row in bases:
        for other in bases:
            same = row["server_id"] == other["server_id"] and row["job_id"] != other["job_id"]
            if same and float(row["start_s"]) < float(other["end_s"]) <= float(row["end_s"]):
                row["kind"] = "flexible"
                return


def _lend_too_much(run: Tables) -> None:
    starts = {loan["start_s"] for loan in run.loans}
    next(row for row in run.timeline if row["t_s"] in starts)["forecast_servers"] = "12"


def _lend_without_forecast(run: Tables) -> None:
    starts = {loan["start_s"] for loan in run.loans}
    next(row for row in run.timeline if row["t_s"] in starts)["forecast_servers"] = ""


def _forecast_too_little(run: Tables) -> None:
    busy = [row["inference_demand_servers"] != "0" for row in run.timeline]
    run.timeline[busy.index(True, 2) + 1]["forecast_servers"] = "0"


def _call_it(scheme: str) -> Tampering:
    def tamper(run: Tables) -> None:
        run.summary["scheme"] = scheme

    return tamper


def _ask_for_more_work(run: Tables) -> None:
    add(next(row for row in run.trace if float(row["duration_s"]) > 100), "duration_s", 1)


def _start_before_submission(run: Tables) -> None:
    for row in (run.trace[5], run.job(run.trace[5]["job_id"])):
        add(row, "submit_s", 1e6)


def _never_hold(run: Tables) -> None:
    job_id = run.jobs[3]["job_id"]
    run.allocations[:] = [row for row in run.allocations if row["job_id"] != job_id]


def _hold_backwards(run: Tables) -> None:
    run.allocations[0]["end_s"] = "-1.0"


def _hold_nothing_known(run: Tables) -> None:
    next(run.held(kind="flexible"))["kind"] = "spare"


def _finish_later(run: Tables) -> None:
    add(run.jobs[4], "finish_s", 0.5)


def _begin_later(run: Tables) -> None:
    add(run.jobs[4], "first_start_s", 0.5)


def _change(column: str) -> Tampering:
    def tamper(run: Tables) -> None:
        job_id, _, _ = run.preempted()
        add(run.job(job_id), column, 2)

    return tamper


def _resize_more_often(run: Tables) -> None:
    add(run.jobs[0], "resizes", 100)


def _flex_before_start(run: Tables) -> None:
    add(next(run.held(kind="flexible")), "start_s", -1e6)


def _hold_twice(run: Tables) -> None:
    job_id, until_s, again_s = run.preempted()
    for row in run.rows_of(job_id):
        if row["start_s"] == again_s:
            row["start_s"] = str(float(until_s) - 0.5)


def _preempt_without_reclaim(run: Tables) -> None:
    _, at_s, _ = run.preempted()
    for loan in run.loans:
        if loan["reclaim_s"] == at_s:
            add(loan, "reclaim_s", 0.5)


def _preempt_beside_a_vacant_server(run: Tables) -> None:
    _, at_s, _ = run.preempted()
    base = {
        row["server_id"]
        for row in run.held(kind="base", server_id="infer-")
        if float(row["start_s"]) < float(at_s) <= float(row["end_s"])
    }
    free = next(n for n in (f"infer-{k:04d}" for k in range(1, 13)) if n not in base)
    before, after = str(float(at_s) - 0.5), str(float(at_s) + 0.5)
    run.loans.append({"server_id": free, "start_s": before, "reclaim_s": after, "end_s": after})


RULES: dict[str, tuple[Tampering, str]] = {
    "a server over its GPUs": (_overfill, r"train-\d+ has 8 GPUs but \d+ are held at"),
    "GPUs of no whole workers": (_miscount_gpus, r"holds \d+ GPUs of .* for \d+ workers"),
    "no such server": (_name_no_server, "train-0099 is no server of the cluster"),
    "a base worker short": (_drop_a_base_worker, r"runs from .* s with \d+ of its \d+ base"),
    "half a training worker": (_break_a_unit, "holds a broken unit of on-loan workers"),
    "more than max_workers": (_exceed_the_most, r"workers at .* s; at most \d+ are allowed"),
    "a size off the list": (_disallow_sizes, "which its list does not allow"),
    "two GPU types": (_mix_types, "runs on two GPU types"),
    "no longer fungible": (_forget_that_it_is_fungible, "not in jobs.csv as it was submitted"),
    "drawn as-is": (_draw_heterogeneous_jobs, "not in jobs.csv as it was submitted"),
    "neither fungible nor both": (_lend_to_the_unfit, "is not fungible but holds infer-"),
    "no loan": (_work_without_loan, r"holds infer-\d+ at .* s while it is not on loan"),
    "held after reclaim": (_stay_after_reclaim, "was asked back at .* but .* held it until"),
    "lent twice": (_lend_twice, "is lent at .* s while it is on loan"),
    "back late": (_return_late, "is back at .* s, not at"),
    "base beside flexible": (_share_an_on_loan_server, "hosts base and flexible workers"),
    "lent beyond the forecast": (_lend_too_much, "servers are on loan .* loanable with a fore"),
    "lent without forecast": (_lend_without_forecast, "is lent at .* s without a forecast"),
    "forecast below demand": (_forecast_too_little, "below the last value known"),
    "loans under sjf": (_call_it("sjf"), r"sjf lends nothing, yet there are \d+ loans"),
    "resized under sjf": (_call_it("sjf"), "is resized at .* under a scheme that never does"),
    "out of order under fifo": (_call_it("fifo"), "starts before .*, which came earlier"),
    "work undone": (_ask_for_more_work, r"did .* of its .* worker-seconds of work"),
    "too early": (_start_before_submission, "starts before it is submitted"),
    "no base workers": (_never_hold, "never held base workers"),
    "an interval backwards": (_hold_backwards, "until before it began"),
    "an unknown kind": (_hold_nothing_known, "holds workers of no kind: spare"),
    "finish apart from workers": (_finish_later, "holds base workers until .* s, not"),
    "start apart from workers": (_begin_later, "holds base workers from .* s, not"),
    "queuing": (_change("queuing_s"), "was without base workers for .* s, not"),
    "JCT": (_change("jct_s"), "s from submission, not"),
    "preemptions": (_change("preemptions"), r"lost its base \d+ times, not"),
    "loss": (_change("lost_gpu_s"), "GPU-seconds to preemptions, not"),
    "resizes": (_resize_more_often, r"was resized \d+ times, not"),
    "flexible before base": (_flex_before_start, "flexible workers while it does not run"),
    "base held twice": (_hold_twice, "holds its base workers twice"),
    "preempted for nothing": (_preempt_without_reclaim, "base workers' servers is asked back"),
    "preempted beside a vacant server": (
        _preempt_beside_a_vacant_server,
        r"is preempted at .* s while infer-\d+ held no base workers",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_named(rule: str, good_run: Path, stage: Stage, tmp_path: Path) -> None:
    tampering, sentence = RULES[rule]
    run_dir, trace = tampered(good_run, stage.trace, tmp_path / "bad", tampering)

    faults = check_run(run_dir, trace, stage.demand, stage.shape)

    assert any(re.search(sentence, fault) for fault in faults), faults[:10]


def test_an_exact_reclaim_with_a_victim_too_many_is_named(
    good_run: Path, stage: Stage, tmp_path: Path
) -> None:
    def keep_a_server(run: Tables) -> None:
        _, at_s, _ = run.preempted()
        loan = next(loan for loan in run.loans if loan["reclaim_s"] == at_s)
        loan["reclaim_s"] = loan["end_s"] = ""

    run_dir, trace = tampered(good_run, stage.trace, tmp_path / "bad", keep_a_server)

    faults = check_run(run_dir, trace, stage.demand, stage.shape, Knobs(reclaim="exact"))

    assert any("where the other victims would have done" in fault for fault in faults), faults[:10]
