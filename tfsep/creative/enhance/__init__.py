"""Super-resolution: the band above a cutoff restored, and the holes that masks leave filled."""

from tfsep.creative.enhance.enhancer import Enhancer
from tfsep.creative.enhance.files import Enhanced, enhance_file

__all__ = ["Enhanced", "Enhancer", "enhance_file"]
