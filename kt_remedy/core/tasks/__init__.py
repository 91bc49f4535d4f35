"""Work in the background: rows are the truth, and Celery does the work (docs/architecture.md#background)."""
