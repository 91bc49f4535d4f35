"""Figures over all applications for the page of reports and its export: `selection`, `applications`, `money`, `work`,
`answer_days`.

Each statement reads the rows that it counts, from indexes made for it. `kept` holds the figures of a selection for a
few minutes (`benchmarks/bench_report.py`).
"""
