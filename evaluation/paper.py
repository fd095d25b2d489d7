"""The paper's own figures (EuroSys'23; § and table as printed), to stand beside ours.

Where the paper contradicts itself, the table's figure is taken.
"""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """A row of Table 5: seconds, shares of 1, and None where the paper has no figure."""

    queuing_s: tuple[float, float, float]  # mean, median, 95th percentile
    jct_s: tuple[float, float, float]
    training_usage: float
    overall_usage: float | None
    preemption_ratio: float | None


TABLE_5: Final = {
    "baseline": Row((3072, 55, 8357), (16610, 791, 82933), 0.72, 0.52, 0.0),
    "basic": Row((2010, 26, 3358), (11236, 568, 56477), 0.86, 0.65, 0.1224),
    "advanced": Row((1835, 24, 3238), (10434, 525, 56553), 0.86, 0.68, 0.0735),
    "heterogeneous": Row((1944, 27, 3574), (12113, 604, 57392), 0.78, 0.64, 0.1123),
    "ideal": Row((1157, 22, 3204), (8891, 422, 41146), 0.93, 0.72, 0.0572),
    "opportunistic": Row((2788, 22, 5256), (14828, 744, 67843), 0.74, 0.63, 0.1935),
    "random": Row((2901, 23, 5478), (14678, 731, 62923), 0.76, 0.64, 0.2089),
    "scf": Row((2783, 24, 4994), (14923, 695, 62456), 0.76, 0.64, 0.1748),
    "aryl-loaning": Row((2212, 23, 3427), (12947, 662, 57987), 0.76, 0.65, 0.1494),
    "gandiva": Row((3035, 49, 6632), (15912, 755, 80567), 0.79, None, None),
    "afs": Row((2284, 47, 3488), (15045, 686, 60883), 0.95, None, None),
    "pollux": Row((2791, 58, 5883), (14534, 721, 72123), 0.93, None, None),
    "aryl-scaling": Row((2275, 47, 3475), (12048, 602, 57597), 0.92, None, None),
}

# Table 6, without special placement of elastic jobs: mean queuing and JCT in seconds, preemptions.
TABLE_6: Final = {
    "basic": (2231.0, 13872.0, 0.1322),
    "advanced": (1944.0, 12474.0, 0.1004),
    "ideal": (1273.0, 9982.0, 0.1093),
}

# Table 7, jobs that ran on loaned servers: mean, median, 95th percentile of queuing and JCT.
TABLE_7: Final = {
    "baseline": ((4573.0, 1283.0, 23351.0), (11547.0, 2122.0, 60170.0)),
    "aryl": ((1119.0, 274.0, 7256.0), (6887.0, 1373.0, 35776.0)),
}

# Table 8, percentiles 50, 75, 95 and 99 under scaling alone. The paper swaps the labels of AFS and
# Pollux between its Tables 5 and 8; those of Table 5, which its text agrees with, are used.
TABLE_8: Final = {
    "fifo": ((55, 1892, 8357, 14323), (791, 29163, 82933, 376513)),
    "gandiva": ((49, 1764, 6632, 11806), (755, 27244, 80567, 323626)),
    "pollux": ((58, 1297, 5883, 11124), (721, 12304, 72123, 323513)),
    "afs": ((47, 772, 3488, 9031), (686, 20143, 60883, 247435)),
    "aryl-scaling": ((47, 697, 3475, 8731), (602, 12072, 57597, 223815)),
}

# Table 9, share of jobs with a wrong estimate: times as short as the Baseline, queuing and JCT.
TABLE_9: Final = {0.2: (2.21, 1.52), 0.4: (2.17, 1.49), 0.6: (1.76, 1.38)}

# Figure 8, each added worker loses 20 %: times as short as the Baseline, queuing and JCT.
FIGURE_8: Final = {"basic": (1.50, 1.42), "ideal": (2.48, 1.70)}

# Figure 9, daily mean use of loaned servers, days 0 to 14.
FIGURE_9: Final = (
    *(0.936, 0.962, 0.965, 0.990, 0.952, 0.960, 0.961, 0.967),
    *(0.978, 0.974, 0.935, 0.945, 0.925, 0.948, 0.968),
)

# Figure 10: preemption ratio and collateral damage, without and with scaling.
FIGURE_10: Final = {
    "random": ((0.200, 0.220), (0.186, 0.160)),
    "scf": ((0.176, 0.184), (0.150, 0.182)),
    "greedy": ((0.120, 0.134), (0.088, 0.060)),
}

# Figure 11, share of heterogeneous jobs: times as short as the Baseline, queuing and JCT.
FIGURE_11: Final = {
    0.1: (1.51, 1.37),
    0.3: (1.57, 1.35),
    0.5: (1.62, 1.39),
    0.7: (1.63, 1.42),
    0.9: (1.62, 1.42),
}

# Figure 12, ten bootstrapped traces: JCT in `basic`, times as short as the Baseline.
FIGURE_12: Final = (1.37, 1.43, 1.42, 1.47, 1.37, 1.45, 1.49, 1.49, 1.49, 1.41)

# Figure 13, share of jobs with checkpoints: preemption ratio, queuing and JCT against the Baseline.
FIGURE_13: Final = {
    0.2: (0.0432, 1.05, 1.13),
    0.5: (0.0278, 1.09, 1.18),
    0.8: (0.0026, 1.15, 1.24),
    1.0: (0.0, 1.17, 1.31),
}

# Figures 14 and 15, share of elastic jobs 20 … 100 %: times as short as the Baseline.
SHARES: Final = (0.2, 0.4, 0.6, 0.8, 1.0)
FIGURE_14: Final = {
    "gandiva": (0.96, 0.98, 1.17, 1.34, 1.37),
    "afs": (1.94, 1.97, 1.98, 2.17, 2.46),
    "pollux": (1.02, 1.07, 1.22, 1.45, 1.48),
    "aryl-scaling": (2.32, 2.34, 2.47, 2.51, 2.52),
}
FIGURE_15: Final = {
    "gandiva": (1.02, 1.16, 1.21, 1.24, 1.24),
    "afs": (1.15, 1.23, 1.25, 1.32, 1.33),
    "pollux": (1.52, 1.53, 1.57, 1.63, 1.84),
    "aryl-scaling": (1.54, 1.55, 1.58, 1.72, 1.96),
}

# Figure 16, the same under non-linear scaling: queuing and JCT.
FIGURE_16: Final = ((2.29, 2.31, 2.43, 2.44, 2.45), (1.51, 1.50, 1.54, 1.66, 1.87))
