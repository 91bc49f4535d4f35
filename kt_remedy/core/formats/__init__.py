"""How the stock admin writes dates: the same in both languages, hours to twenty-four."""
