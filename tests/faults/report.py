# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes what docs/faults.json holds into docs/faults.md, between its two marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS, PAGE = ROOT / "docs/faults.json", ROOT / "docs/faults.md"
BEGIN, END = "<!-- make faults: begin -->", "<!-- make faults: end -->"


def cells(row: dict[str, Any]) -> list[str]:
    """Give a row of the table."""
    lost = f"{row['lost']} of {row['asked']} requests" if "asked" in row else ""
    lines = f", {row['audit_lines_missing']} audit lines" if "audit_lines_missing" in row else ""
    return [row["fault"], row["outcome"], lost + lines, row["date"]]


def table(rows: list[dict[str, Any]]) -> str:
    """Give the table."""
    head = ["fault", "what came of it", "lost", "done on"]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *map(cells, rows)])


def main() -> None:
    """Write it."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    assert begin and END in rest, f"{PAGE} has no marks for the table"
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(json.loads(RESULTS.read_text()))}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
