"""Word boundaries of Unicode (UAX #29) as Lucene's StandardTokenizer draws them, by the class of each character.

A text becomes a string of classes, one letter a character, in which tokens are found by one expression:

    A letter  H Hebrew letter  N digit  E joins words (``_``)  K Katakana  S stands alone (Han, Hiragana)
    T script without spaces (Thai ...)  M B Q U D inside words only: ``:``  ``.``  ``'``  ``,``  ``"``
    X marks and invisible characters  Z joiner  v c m emoji style, keycap and tone  P emoji  R half a flag  k ``#*``
    O anything else
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_EXACT = {
    **dict.fromkeys(":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a", "M"),
    **dict.fromkeys(".\u2018\u2019\u2024\ufe52\uff07\uff0e", "B"),
    **dict.fromkeys(",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b", "U"),
    **dict.fromkeys("_\u202f\u203f\u2040\u2054\ufe33\ufe34\ufe4d\ufe4e\ufe4f\uff3f", "E"),
    "'": "Q",
    '"': "D",
    "#": "k",
    "*": "k",
    "\u200b": "O",
    "\u200d": "Z",
    "\ufe0f": "v",
    "\u20e3": "c",
    "\u066b": "N",
    "\u3005": "A",
}
_EXT = "[XZvcm]*"
_LETTERS = f"[AH]{_EXT}(?:(?:(?:E{_EXT})*|[MBQ]{_EXT}|(?<=H)D{_EXT}(?=H))[AH]{_EXT})*(?:(?<=H)Q{_EXT})?"
_NUMBER = f"N{_EXT}(?:(?:(?:E{_EXT})*|[UBQ]{_EXT})N{_EXT})*"
_CORE = f"(?:K{_EXT}(?:(?:E{_EXT})*K{_EXT})*|(?:{_NUMBER}|{_LETTERS})+)"
_TOKEN = re.compile(
    f"(?:E{_EXT})*{_CORE}(?:(?:E{_EXT})+{_CORE})*(?:E{_EXT})*"
    f"|S{_EXT}|(?:T{_EXT})+|R{_EXT}R{_EXT}|kv?c|P[Xvcm]*(?:ZP[Xvcm]*)*|m[Xvc]*"
)


def _ranges(text: str) -> list[tuple[int, int]]:
    pairs = (part.split("-") for part in text.split())
    return [(int(pair[0], 16), int(pair[-1], 16)) for pair in pairs]


_KATAKANA = _ranges("3031-3035 309B-309C 30A0-30FA 30FC-30FF 31F0-31FF 32D0-32FE 3300-3357 FF66-FF9D 1B000")
_SINGLE = _ranges(
    "2E80-2E99 2E9B-2EF3 2F00-2FD5 3007 3021-3029 3038-303B 3400-4DBF 4E00-9FFF F900-FA6D FA70-FAD9 20000-323AF "
    "3041-3096 309D-309F 1B001-1B11E 1F200"
)
_NO_SPACES = _ranges(
    "E01-E3A E40-E4E E81-ECD EDC-EDF 1000-103F 1050-108F 109A-109F 1780-17D3 17D7 17DC-17DD 1950-19DF 1A20-1AAD "
    "A9E0-A9EF A9FA-A9FE AA60-AAC2 AADB-AADF 11700-1173F"
)
_HEBREW_LETTERS = _ranges("5D0-5EA 5EF-5F2 FB1D FB1F-FB4F")
_MORE_LETTERS = _ranges(
    "2C2-2C5 2D2-2D7 2DE-2DF 2E5-2EB 2ED 2EF-2FF 55A-55C 55E 58A 5F3 24B6-24E9 A708-A716 A720-A721 A789-A78A AB5B "
    "1F130-1F149 1F150-1F169 1F170-1F189"
)
_PICTURES = _ranges(
    "A9 AE 203C 2049 2122 2194-2199 21A9-21AA 231A-231B 2328 2388 23CF 23E9-23F3 23F8-23FA 25AA-25AB 25B6 25C0 "
    "25FB-25FE 2600-2605 2607-2612 2614-2685 2690-2705 2708-2712 2714 2716 271D 2721 2728 2733-2734 2744 2747 274C "
    "274E 2753-2755 2757 2763-2767 2795-2797 27A1 27B0 27BF 2934-2935 2B05-2B07 2B1B-2B1C 2B50 2B55 3030 303D 3297 "
    "3299 1F000-1F0FF "
    "1F10D-1F10F 1F12F 1F16C-1F171 1F17E-1F17F 1F18E 1F191-1F19A 1F1AD-1F1E5 1F201-1F20F 1F21A 1F22F 1F232-1F23A "
    "1F23C-1F23F 1F249-1F3FA 1F400-1F53D 1F546-1F64F 1F680-1F6FF 1F774-1F77F 1F7D5-1F7FF 1F80C-1F80F 1F848-1F84F "
    "1F85A-1F85F 1F888-1F88F 1F8AE-1F8FF 1F90C-1F93A 1F93C-1F945 1F947-1FFFD"
)
_NO_WORDS = _ranges("16FE0-16FFF 17000-18CFF 18D00-18D08 1B170-1B2FB")
"""Tangut, Khitan and Nushu: ideographs, but not Han."""


def _in(code: int, ranges: list[tuple[int, int]]) -> bool:
    return any(low <= code <= high for low, high in ranges)


@lru_cache(maxsize=20_000)
def _class(letter: str) -> str:
    if letter in _EXACT:
        return _EXACT[letter]
    code, kind = ord(letter), unicodedata.category(letter)
    for name, ranges in (("K", _KATAKANA), ("S", _SINGLE), ("T", _NO_SPACES), ("H", _HEBREW_LETTERS)):
        if _in(code, ranges) and kind not in ("Nd", "Cn"):
            return name
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "R"
    if kind == "Nd":
        return "N"
    if _in(code, _NO_WORDS):
        return "O"
    if kind[0] == "L" or kind == "Nl" or _in(code, _MORE_LETTERS):
        return "X" if code in (0xFF9E, 0xFF9F) else "A"
    if 0x1F3FB <= code <= 0x1F3FF:
        return "m"
    return "X" if kind in ("Mn", "Mc", "Me", "Cf") else "P" if _in(code, _PICTURES) else "O"


def words_of(text: str, longest: int) -> Iterator[str]:
    """Yield the tokens of a text, cut after ``longest`` characters where nothing else ends them."""
    classes, at = "".join(map(_class, text)), 0
    while found := _TOKEN.search(classes, at):
        if found.end() - found.start() > longest:
            cut = _TOKEN.match(classes, found.start(), found.start() + longest)
            assert cut is not None
            found = cut
        at = found.end()
        yield text[found.start() : at]
