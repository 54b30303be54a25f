"""What an event is. Knows nobody; everybody knows it."""
