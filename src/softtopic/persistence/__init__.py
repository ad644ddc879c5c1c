"""Model folders: a fitted model on disk, checked before it is believed."""

from softtopic.persistence.hub import pull_model, push_model
from softtopic.persistence.parameters import NotSaved, check_parameters
from softtopic.persistence.saving import SavedModel, load, save

__all__ = ["NotSaved", "SavedModel", "check_parameters", "load", "pull_model", "push_model", "save"]
