"""How well a map agrees with what an interpreter has picked."""
