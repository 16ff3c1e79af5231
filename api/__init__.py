"""The Litestar application: routes over `workflows.services`.

Owns what is seen over HTTP. Takes no decision and holds no SQL.
"""
