"""Use cases, one function each, for the command line and the HTTP application.

Joins core and store. Knows neither routes nor terminals.
"""
