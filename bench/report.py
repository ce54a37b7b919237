# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes what docs/bench.json holds: the table into the README, between its two marks, and the plot."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parents[1]
RESULTS, README, PLOT = ROOT / "docs/bench.json", ROOT / "README.md", ROOT / "docs/bench.svg"
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
INTRODUCTION = """## Measured

On one machine, in one run, against charts in the shape of upstream's (`make bench`). Every sample is in
[docs/bench.json](docs/bench.json)."""
OURS, CHART = "#2b6cb0", "#a0aec0"


def figure(value: float, row: dict[str, Any], watched: float) -> str:
    """Give a figure with its unit."""
    if row["unit"] == "s":
        return f"more than {watched:.0f} s" if value >= watched else f"{value:.2f} s" if 0 < value < 10 else f"{value:.0f} s"
    return f"{value:.0f} {row['unit']}".strip()


def spread(samples: list[float], row: dict[str, Any], watched: float) -> str:
    """Give the median, and the least and the most where they differ."""
    low, middle, high = (figure(of(samples), row, watched) for of in (min, median, max))
    return middle if low == high else f"{middle} ({low.removesuffix(' ' + row['unit'])} to {high})"


def cells(row: dict[str, Any], watched: float) -> list[str]:
    """Give a row of the table; a reason is a footnote."""
    chart = spread(row["chart_samples"], row, watched) if "chart_samples" in row else row["chart"]
    if row["ratio"] is not None:
        ratio = f"{row['ratio']:.2f} of {figure(row['base_median'], row, watched)}"
    else:
        ratio = f"{row['of_chart']:.2f} of the chart's" if row.get("of_chart") else ""
    reached = {True: "yes", False: "**no**", None: ""}[row["reached"]]
    return [row["what"], row["target"], spread(row["samples"], row, watched), chart, ratio, reached]


def table(results: dict[str, Any]) -> str:
    """Give the table with what it was measured on, and why something falls short."""
    head = ["", "to reach", "here", "the chart", "ratio", "reached"]
    lines, reasons = [head, ["---"] * len(head)], []
    for row in results["rows"]:
        line = cells(row, results["watched"])
        if row["reason"]:
            reasons += [row["reason"]] if row["reason"] not in reasons else []
            line[-1] += f" ({reasons.index(row['reason']) + 1})"
        lines.append(line)
    on = results["machine"]
    notes = [
        f"{results['rounds']} rounds on {results['date']}: medians, with the least and the most. {on['cores']} cores, "
        f"{on['memory_gib']} GiB, Linux {on['kernel']}, Kubernetes {on['kubernetes']}, Helm {on['helm']}, ansible-core "
        f"{on['ansible-core']}. Builds are in whole seconds, as the kubelet notes them.",
        *(f"({number}) {reason[0].upper()}{reason[1:]}." for number, reason in enumerate(reasons, 1)),
        *results["notes"],
    ]
    return "\n".join([*("| " + " | ".join(line) + " |" for line in lines), *(f"\n{note}" for note in notes)])


def plot(results: dict[str, Any]) -> None:
    """Draw the rows in seconds, both sides."""
    rows = [row for row in results["rows"] if row["unit"] == "s"][::-1]
    # The same figures give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
    drawing, axes = pyplot.subplots(figsize=(9, 0.5 * len(rows) + 0.8))
    for place, row in enumerate(rows):
        for offset, colour, key in ((0.2, OURS, "median"), (-0.2, CHART, "chart_median")):
            if key in row:
                axes.barh(place + offset, row[key], 0.38, color=colour)
                axes.text(row[key], place + offset, f" {figure(row[key], row, results['watched'])}", va="center")
    axes.set_yticks(range(len(rows)), [row["what"] for row in rows])
    axes.margins(x=0.2, y=0.02)
    axes.set_xlabel("seconds; blue: the collection, grey: the chart")
    axes.spines[["top", "right"]].set_visible(False)
    drawing.savefig(PLOT, metadata={"Date": None}, bbox_inches="tight")


def main() -> None:
    """Write both."""
    results = json.loads(RESULTS.read_text())
    before, _, rest = README.read_text().partition(BEGIN)
    assert END in rest, f"{README} has no marks for the table"
    text = f"{INTRODUCTION}\n\n{table(results)}\n\n![The same as bars](docs/{PLOT.name})"
    README.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
    plot(results)


if __name__ == "__main__":
    main()
