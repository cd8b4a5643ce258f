"""Other people's frameworks, each in a room of its own that knows no other."""
