"""The promise to a customer: amount, day, why, until when it can be changed, and the first sentence (D-69).

`rules` states it as a pure function, `gather` reads its facts, `service` keeps its history and tells of changes.
Other packages call `service` and nothing else computes a day.
"""
