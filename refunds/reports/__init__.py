"""Figures over all applications for the page of reports and its export: `selection`, `applications`, `money`, `work`.

Each statement reads what it counts when it is asked, from indexes made for it, so that every figure is that of the rows
(`benchmarks/bench_report.py`).
"""
