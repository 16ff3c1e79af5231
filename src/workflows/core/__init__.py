"""The pure part: documents, guards, decisions.

Owns what a definition means and what a case may do next. Knows no file, database, clock, chance or log:
everything it uses is handed to it.
"""
