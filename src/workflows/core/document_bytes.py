"""The canonical bytes of a workflow document, whose hash goes into every event.

Comments, order of keys and spelled-out defaults do not change them; anything that decides does.
"""

from workflows.core.canonical import canonical_bytes, digest
from workflows.core.documents import WorkflowDocument


def canonical_document(document: WorkflowDocument) -> bytes:
    """Bytes that `WorkflowDocument.model_validate_json` reads back to an equal document."""
    # Without defaults: a key added to the format later changes no hash of a document that does not use it.
    return canonical_bytes(document.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def definition_hash(document: WorkflowDocument) -> str:
    """SHA-256 of the canonical bytes, in lower-case hexadecimal."""
    return digest(canonical_document(document))
