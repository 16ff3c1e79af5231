"""Every command but those for keys, in the order in which they are listed."""

from typing import Final

from workflows.cli import database, demo, documents, serving

COMMANDS: Final = (
    documents.check,
    documents.schema,
    documents.diagram,
    database.init,
    serving.serve,
    database.fsck,
    database.backup,
    demo.demo,
)
