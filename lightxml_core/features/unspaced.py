"""Detect texts in scripts that put no blanks between words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_CHINESE_JAPANESE = "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_CHINESE_JAPANESE += "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_THAI_LAO_BURMESE_KHMER = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"
# the characters of each script, and the largest mean length of a word in texts that do separate words
_SCRIPTS = ((_CHINESE_JAPANESE, 3), (_THAI_LAO_BURMESE_KHMER, 7))
_PATTERNS = [(re.compile(rf"[{script}]+"), re.compile(rf"[\w{script}]+"), longest) for script, longest in _SCRIPTS]
_SHARE = 0.05  # of all characters


@dataclass
class _Counts:
    characters: int = 0  # of the script
    runs: int = 0  # of word characters that hold at least one of the script


@dataclass
class CountedTexts:
    """A stream of texts that counts characters, to tell afterwards whether blanks separate their words."""

    texts: Iterable[str]
    example: str = ""
    _total: int = 0
    _counts: list[_Counts] = field(default_factory=lambda: [_Counts() for _ in _PATTERNS])

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            self._total += len(text)
            if not text.isascii():
                self._count(text)
            yield text

    def _count(self, text: str) -> None:
        for (script, run, _), counts in zip(_PATTERNS, self._counts, strict=True):
            own = script.findall(text)
            if own:
                counts.characters += sum(map(len, own))
                counts.runs += sum(script.search(found) is not None for found in run.findall(text))
                self.example = self.example or text

    @property
    def unspaced(self) -> bool:
        """Whether 5% of all characters are of a script without blanks, and nothing separates its words.

        Nothing does if a run of word characters has more characters of the script, on average, than a word: more than 3
        in Chinese and Japanese, more than 7 in Thai, Lao, Burmese and Khmer. Scripts with blanks are not counted, so
        long words, addresses and names of chemicals have no effect.
        """
        return any(
            counts.characters > max(_SHARE * self._total, longest * counts.runs)
            for (_, _, longest), counts in zip(_PATTERNS, self._counts, strict=True)
        )
