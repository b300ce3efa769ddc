"""One module per op or tight family: checks first, then changes and events."""
