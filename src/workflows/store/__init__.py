"""Tables, the writer, queries and migrations, on SQLite and PostgreSQL.

Owns how decisions are kept and read again. Decides nothing itself: the core does.
"""
