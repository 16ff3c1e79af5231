"""Proofs over the catalogue of agencies: that the duties of a body that has ended went to others that were there."""

from collections.abc import Iterator, Mapping

from workflows.core.catalogue_documents import Agency
from workflows.core.problems import Finding
from workflows.core.proofs import repeated


def prove_agencies(agencies: Mapping[str, Agency]) -> Iterator[Finding]:
    """Each thing wrong with successors."""
    for name, agency in agencies.items():
        path = "agencies", name, "successors"
        yield from repeated(path, agency.successors)
        if agency.successors and agency.valid.to is None:
            yield Finding(path=path, message=f'"{name}" has not ended: nobody has taken over its duties')
        for index, successor in enumerate(agency.successors):
            if successor not in agencies:
                yield Finding.unknown((*path, index), successor, "an agency", agencies)
            elif agency.valid.to is not None and not agencies[successor].valid.covers(agency.valid.to):
                period = agencies[successor].valid.period
                message = f'"{successor}" is not in force on {agency.valid.to.isoformat()}, only {period}'
                yield Finding(path=(*path, index), message=message, given=successor)
