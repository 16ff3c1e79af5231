"""Why a command ends without doing what it was asked for: messages for a person, never a traceback."""

from workflows.services.settings import DEFINITIONS_VARIABLE


class CommandError(Exception):
    """The command could not do its work; exit code 1."""


class MisuseError(CommandError):
    """The command was asked for something that cannot be; exit code 2."""


def not_stored(workflow: str, version: int) -> CommandError:
    """A definition that is read here is not the one, or not yet, that the database has."""
    return CommandError(
        f"workflow {workflow} version {version} is not stored with its present text: run `workflows init` with the "
        f"same --database, or set {DEFINITIONS_VARIABLE} to the definitions that it was made with (those of a demo lie "
        "beside its database)"
    )
