"""Agreement of a map with what an interpreter has picked."""
