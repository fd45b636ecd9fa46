"""Dataset cards (YAML) and the embedded sample. Data, no code."""
