"""The command that examines an installation, and tells what to do about what it finds."""

from typing import Annotated

import typer

from workflows.cli.documents import Language
from workflows.cli.showing import print_json, safe, words
from workflows.cli.target import DatabaseUrl
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory


def doctor(
    database: DatabaseUrl = DEFAULT_DATABASE,
    *,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve it, as given to `serve`.")] = 1,
    language: Annotated[Language, typer.Option(help="Of what is printed.")] = Language.VI,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Examine the installation: one line per check, and what to do.

    Exits with 1 when a check failed; warnings do not count.
    """
    from workflows.services.diagnosis import Status
    from workflows.services.doctor import examine
    from workflows.services.rendering import encoded, words_json

    findings = []
    for finding in examine(database, definitions_directory(), workers=workers):
        findings.append(finding)
        if not as_json:
            typer.echo(safe(f"{finding.status:<8} {finding.name}: {words(finding.message, language)}"))
    healthy = all(finding.status is not Status.FAILURE for finding in findings)
    if as_json:
        checks = [{"name": each.name, "status": each.status, "message": words_json(each.message)} for each in findings]
        print_json(encoded({"healthy": healthy, "checks": checks}))
    if not healthy:
        raise typer.Exit(1)
