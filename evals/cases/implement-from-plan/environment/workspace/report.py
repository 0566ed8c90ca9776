"""Writes the report of one day: `python3 report.py 2026-03-01`."""

import csv
import os
import sys
from pathlib import Path


def main(date):
    data = Path(os.environ.get("PARCELS_DATA", "data/parcels.csv"))
    with data.open() as file:
        rows = [row for row in csv.DictReader(file) if row["date"] == date]
    out = Path(os.environ["REPORT_DIR"]) / f"report-{date}.csv"
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["date", "city", "count"])
        writer.writeheader()
        for row in rows:
            if int(row["count"]) < 0:
                raise SystemExit(f"{data}: a count below zero on {date}")
            writer.writerow(row)


main(sys.argv[1])
