"""The canonical bytes of a document of a workflow or a plan, whose hash goes into every event that rests on it.

Comments, order of keys and spelled-out defaults do not change them; anything that decides does.
"""

from typing import TYPE_CHECKING

from workflows.core.canonical import canonical_bytes, digest
from workflows.core.documents import WorkflowDocument

if TYPE_CHECKING:  # slow to load, and few need a plan
    from workflows.core.plan_documents import PlanDocument
    from workflows.core.table_documents import TableDocument


def canonical_document(document: "WorkflowDocument | PlanDocument | TableDocument") -> bytes:
    """Bytes that `model_validate_json` of its class reads back to an equal document."""
    # Without defaults: a key added to the format later changes no hash of a document that does not use it.
    return canonical_bytes(document.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def definition_hash(document: WorkflowDocument) -> str:
    """SHA-256 of the canonical bytes, in lower-case hexadecimal."""
    return digest(canonical_document(document))


def table_hash(table: "TableDocument") -> str:
    """SHA-256 of the canonical bytes, in lower-case hexadecimal."""
    return digest(canonical_document(table))


def plan_hash(plan: "PlanDocument") -> str:
    """SHA-256 of the canonical bytes, in lower-case hexadecimal."""
    return digest(canonical_document(plan))
