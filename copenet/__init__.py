"""copenet: from a dump of conversations to a peer-effect estimate you can defend."""

__version__ = "0.1.0"
