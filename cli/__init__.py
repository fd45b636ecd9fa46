"""The command line: one module a command, shared options in ``options.py``, no logic of its own."""
