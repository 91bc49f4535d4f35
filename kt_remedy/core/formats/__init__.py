"""Date formats of the stock admin: the same in both languages, with a 24-hour clock."""
