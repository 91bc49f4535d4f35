"""The age at which a person acts alone."""

ADULT_AGE = 19  # full years: below it a legal guardian acts (Civil Act art. 4, D-16)
