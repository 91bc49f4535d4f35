"""Delivery of perks to the outside: one class for each kind of hand-over, each independent of the others."""
