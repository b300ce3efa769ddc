"""Plot of a scenario: one panel per line, time from left to right."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import matplotlib as mpl

mpl.use("Agg")  # no display needed

from matplotlib import pyplot as plt

from offchain.scenario.result import ScenarioResult

_PANEL_HEIGHT = 2.4
_TITLE_WIDTH = 110  # characters


def write_plot(result: ScenarioResult, path: Path) -> None:
    """Write a PNG with the scenario's lines.

    Parameters
    ----------
    result : ScenarioResult
        With at least one line.
    path : Path
        Where to write, as PNG whatever its suffix; folders are made.
    """
    count = len(result.series)
    figure, panels = plt.subplots(
        count,
        1,
        figsize=(10, 1 + _PANEL_HEIGHT * count),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, (label, points) in zip(panels[:, 0], result.series.items(), strict=True):
        panel.step([x / 60 for x, _ in points], [y for _, y in points], where="post")
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
    panels[-1, 0].set_xlabel("minutes")
    verdict = "passed" if result.passed else "FAILED"
    requirement = fill(result.requirement, _TITLE_WIDTH)
    figure.suptitle(f"{result.name}: {verdict}\n{requirement}", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=110)
    plt.close(figure)
