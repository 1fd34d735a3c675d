"""Every error that the orchestrator raises on purpose."""


class OrchestratorError(Exception):
    """Root of this package's errors. A message says expected, found, where, and the next step."""


class SpecError(OrchestratorError):
    """A sweep YAML that cannot be read, or asks for something that cannot be."""


class SchedulingError(OrchestratorError):
    """A cluster that cannot be reached, is too small, or stopped working."""


class CatalogError(OrchestratorError):
    """A question to the catalog that has no answer, or a catalog of another version."""


class CatalogMissingError(CatalogError):
    """There is no catalog yet where one was to be read."""


class CatalogUnavailableError(CatalogError):
    """The catalog's database cannot be reached or stayed locked; what was committed is safe."""


class SubmissionOverError(CatalogError):
    """A submission that may write no more: it has ended, or its trials were taken over."""


class TrackingError(OrchestratorError):
    """A tracking store that cannot be prepared, or an artifact that is not where it should be."""


class RegistryError(OrchestratorError):
    """An adapter that the registry does not have, or that differs from what was registered."""


class ExportFileError(OrchestratorError):
    """A file that is no export of a catalog, is damaged, or is of a newer format."""
