"""The waiting room in front of the look-up and of new filings, while the switch ENTRY is stopped.

A browser keeps its place in a signed cookie, so the portal stores no place: `places`. What a process knows of the queue
is one object in memory: `queue`. A thread of each web process reads it once a second, reports arrivals, and one of them
moves the number that goes in: `room` and `admission`. `middleware` decides on requests and `pages` draws them; both
touch memory alone.
"""
