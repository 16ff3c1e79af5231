"""Civil dates as options of the command line give them."""

from datetime import date

from workflows.cli.errors import MisuseError
from workflows.cli.showing import safe
from workflows.services.given import read_date


def given_day(option: str, text: str | None) -> date | None:
    """What an option was given, None where it was left out; raises MisuseError, which names the option."""
    try:
        return read_date(text) if text is not None else None
    except ValueError as error:
        raise MisuseError(f"{option}: {safe(str(error))}") from error
