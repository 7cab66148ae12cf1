"""The diagrams of the documents, drawn from manifests, templates and domain code."""
