"""Backups of the database: made encrypted, restored in a drill, and checked as the money and the audit are.

The tools are PostgreSQL's own and `age`. The server archives its log encrypted; the machine that makes backups holds
public keys only. What opens them stands in an escrow that two people keep (docs/operations.md).
"""
