"""Words of a text, for counting and searching: not the tokens of a model."""

from __future__ import annotations

import re
import unicodedata

# A character of a script that is written without spaces stands for itself; marks and digits belong to words.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u0e00-\u0e7f"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+(?:['’](?:(?![{_UNSPACED}])\w)+)*")


def words(text: str) -> list[str]:
    """The words of a text, case folded and in Unicode's form NFKC, without punctuation.

    Chinese, Japanese and Thai, which are written without spaces, come apart into single characters.
    """
    return [word.replace("’", "'") for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold())]


# The words that English has most of and that say least of what a text is about.
ENGLISH_STOP_WORDS = frozenset(
    """
    a about above after again against all am an and any are as at be because been before being below between
    both but by can could did do does doing down during each few for from further had has have having he her
    here hers herself him himself his how i if in into is it its itself just me more most my myself no nor not
    now of off on once only or other our ours ourselves out over own same she should so some such than that the
    their theirs them themselves then there these they this those through to too under until up very was we were
    what when where which while who whom why will with would you your yours yourself yourselves aren't can't
    couldn't didn't doesn't don't hadn't hasn't haven't he'd he'll he's i'd i'll i'm i've isn't it's let's
    mustn't she'd she'll she's shouldn't that's there's they'd they'll they're they've wasn't we'd we'll we're
    we've weren't what's where's who's won't wouldn't you'd you'll you're you've
    """.split()  # noqa: SIM905 (a list of 150 lines says no more)
)


def without_stop_words(found: list[str], stop_words: frozenset[str] = ENGLISH_STOP_WORDS) -> list[str]:
    """The words that are no stop words, in their order."""
    return [word for word in found if word not in stop_words]
