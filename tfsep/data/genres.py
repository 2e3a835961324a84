"""Which family a genre belongs to: one table for rendered songs, MUSDB18 and what people write into tags and folder names.

Experts, the classifier and the search know families only, since a genre alone has too few songs.
"""

import re

from tfsep.data.catalogue.contribution import normal_genre
from tfsep.data.files import tagged_genre
from tfsep.data.source import Track

FAMILY_TITLES = {
    "electronic": "electronic",
    "rock": "rock/metal",
    "pop": "pop",
    "hip_hop": "hip-hop",
    "jazz": "jazz/acoustic",
    "latin": "latin/world",
}
FAMILIES = tuple(FAMILY_TITLES)
_FOLDERS_ABOVE = 3  # the song's own, its artist's or genre's, and one more; further up they tell of the computer

# Of each family the genres that `tfsep render` composes, then those of the list published with MUSDB18 (github.com/sigsep/website,
# content/datasets/assets/tracklist.csv), then common tags. MUSDB18's "Pop/Rock" is mostly guitar bands, so it goes to rock; its
# "Singer/Songwriter" is mostly acoustic.
_TABLE = {
    "electronic": "ambient|drum and bass|dubstep|garage|house|synthwave|techno|trance|"
                  "electronic|"
                  "electronica|dance|edm|electro|idm|dnb|drum n bass|drum bass|drumandbass|jungle|breakbeat|breakcore|"
                  "big beat|downtempo|chillout|chill out|chillwave|vaporwave|trip hop|triphop|electronic rock|electro rock|"
                  "electropop|bass music|future bass|uk garage|2 step|hardcore techno|gabber|hardstyle|"
                  "eurodance|industrial|ebm|glitch|psytrance|goa|lounge|new age|retrowave",
    "rock": "blues|metal|punk|rock|"
            "heavy metal|pop rock|"
            "rock metal|rock and roll|rock n roll|rock roll|rockabilly|grunge|hardcore|post hardcore|metalcore|deathcore|emo|"
            "hard rock|indie|indie rock|alternative|alternative rock|alt rock|punk rock|post punk|post rock|shoegaze|"
            "britpop|new wave|ska punk|surf|garage rock|southern rock|thrash|thrash metal|grindcore|stoner|goth|gothic|"
            "blues rock|psychedelic|progressive|jam band|rock en espanol",
    "pop": "ballad|country|disco|funk|pop|soul|"
           "rnb|r b|r and b|rhythm and blues|gospel|motown|dance pop|synth pop|synthpop|indie pop|k pop|kpop|j pop|jpop|c pop|"
           "teen pop|schlager|chanson|europop|art pop|dream pop|city pop|neo soul|easy listening|oldies|"
           "adult contemporary|country rock|americana",
    "hip_hop": "hip hop|lofi|trap|"
               "rap|"
               "hiphop|lo fi|lo fi hip hop|lofi hip hop|chillhop|boom bap|gangsta|gangsta rap|g funk|drill|grime|crunk|"
               "phonk|cloud rap|emo rap|turntablism|dirty south|conscious",
    "jazz": "jazz|"
            "singer songwriter|"
            "jazz acoustic|acoustic|folk|swing|bebop|be bop|big band|fusion|jazz fusion|jazz funk|acid jazz|smooth jazz|dixieland|"
            "ragtime|bluegrass|unplugged|folk rock|indie folk|jazz blues|acoustic blues|classical|chamber|chamber music|"
            "orchestral|gypsy jazz|manouche|celtic",
    "latin": "bossa nova|latin|reggae|"
             "latin world|world|world music|bossa|samba|salsa|cumbia|bachata|merengue|mambo|cha cha|chachacha|rumba|bolero|tango|"
             "son cubano|afro cuban|latin jazz|latin pop|latin rock|mpb|forro|axe|baile funk|reggaeton|dembow|dub|dancehall|ska|"
             "rocksteady|calypso|soca|zouk|afrobeat|afrobeats|afropop|highlife|flamenco|mariachi|ranchera|nortena|regional mexican|"
             "balkan|klezmer|fado|bollywood|bhangra|gnawa|kizomba|amapiano",
}  # fmt: skip
_FAMILY_OF = {name.replace(" ", "_"): family for family, names in _TABLE.items() for name in names.split("|")}
_BETWEEN_GENRES = re.compile(r"[;,/|\\\0]")


def family_of(genre: str | None) -> str | None:
    """Return the family, one of `FAMILIES`, of a genre or family by its name in any case and spelling; None if it is unknown.

    Of a list ("Techno; House") the first genre that is known decides. A name that is not in the table goes by the words it ends
    with, as many as are known together: "melodic deep house" is house, "latin jazz" itself rather than jazz.
    """
    if not genre:
        return None
    whole = _FAMILY_OF.get(normal_genre(genre))
    return whole or next(filter(None, map(_family_by_last_words, _BETWEEN_GENRES.split(genre))), None)


def _family_by_last_words(genre: str) -> str | None:
    words = normal_genre(genre).split("_")
    return next(filter(None, (_FAMILY_OF.get("_".join(words[start:])) for start in range(len(words)))), None)


def genre_of(track: Track) -> str | None:
    """Return the genre of a track as it is written, by the first of these that the table knows, None if none does.

    1. What its source tells: `song.json` of rendered songs and song folders, MUSDB18's published list, a catalogue.
    2. The tags of its files, in the order of their names.
    3. The names of the three folders above its first file, the inmost first: a folder for each song, below one for each genre. They
       must be in the table as they are, since artists and titles end with words of genres too ("Daft Punk").
    """
    if family_of(track.genre):
        return track.genre
    folders = [folder.name for folder in track.paths[0].parents][:_FOLDERS_ABOVE] if track.paths else []
    tagged = next(filter(family_of, map(tagged_genre, track.paths)), None)
    return tagged or next((name for name in folders if normal_genre(name) in _FAMILY_OF), None)
