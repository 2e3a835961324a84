"""tfsep takes finished songs apart into stems: drums first; bass, vocals and other.

stems = tfsep.Separator.load().separate("song.mp3")
stems["drums"].write("drums.wav")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfsep.separation.separator import Separator

__version__ = "0.1.0"
__all__ = ["Separator", "__version__"]


def __getattr__(name: str) -> Any:
    """Import `Separator` when it is first asked for, so that `import tfsep` and `tfsep --help` stay instant."""
    if name == "Separator":
        from tfsep.separation.separator import Separator

        return Separator
    raise AttributeError(f"module 'tfsep' has no attribute {name!r}")
