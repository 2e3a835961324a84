"""Mash-ups: the drums of one record under the vocals and instruments of another."""

from tfsep.creative.mashup.mix import Mashup, PlayedDeck, mash_up
from tfsep.creative.mashup.settings import MashupSettings

__all__ = ["Mashup", "MashupSettings", "PlayedDeck", "mash_up"]
