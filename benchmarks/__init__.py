"""Reproducible comparisons of the engine with a plain driver loop; `README.md` says what is compared with what."""
