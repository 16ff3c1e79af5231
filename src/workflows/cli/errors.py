"""Why a command ends without doing what it was asked for: messages for a person, never a traceback."""


class CommandError(Exception):
    """The command could not do its work; exit code 1."""


class MisuseError(CommandError):
    """The command was asked for something that cannot be; exit code 2."""
