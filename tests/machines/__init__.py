"""What stands on more than one machine: a pooler before the web, a replica for reports, Redis behind TLS."""
