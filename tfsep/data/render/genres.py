"""The genres that can be composed, by name."""

from collections.abc import Mapping

from tfsep.data.render.genre import FAMILIES, Genre
from tfsep.data.render.genres_band import BAND_GENRES
from tfsep.data.render.genres_electronic import ELECTRONIC_GENRES

__all__ = ["FAMILIES", "GENRES", "Genre"]

GENRES: Mapping[str, Genre] = {**ELECTRONIC_GENRES, **BAND_GENRES}
