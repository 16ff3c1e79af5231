"""Workflow and case-management engine: documents decide, people act, every step is recorded.

A library without a web framework. The HTTP application lives in `api`, the documents in `definitions`.
"""
