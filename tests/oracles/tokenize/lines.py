"""The 2,000 lines on which token ids are compared with other implementations. Deterministic: same lines every time."""

# ruff: noqa: RUF001 (look-alike characters are what is tested)
from __future__ import annotations

import random
from collections.abc import Callable

N_LINES = 2000

PROSE = [
    "The quick brown fox jumps over the lazy dog, and it doesn't care.",
    "She'll say they've gone; we're late, I'd wager, but he'S ALREADY THERE, isn'T he?",
    'In 1984, approximately 3.14159% of 1,234,567 people (or so) agreed -- "really?" -- yes!',
    "Grüße aus Köln: naïve café, œuvre, Łódź, İstanbul, ﬁn, ǅ, ʰ, ª.",
    "Привет, мир! Как дела? ЖЖжжЖ ёлка",
    "Γειά σου Κόσμε, τι κάνεις;",
    "URL: https://example.com/a/b?x=1&y=%20#frag mail me@example.org",
]
CODE = [
    "def f(x: int) -> int:\n    return x**2 + 1  # comment",
    "for (int i = 0; i < n; ++i) {\n\tsum += a[i] * b[i];\n}",
    'const s = `template ${value}` ?? "default";\r\nexport default s;',
    "SELECT * FROM users WHERE id IN (1,2,3) AND name LIKE '%o''brien%';",
    "#include <vector>\nstd::vector<std::pair<int, float>> v{{1, 2.f}};",
    '{"key": [1, 2.5e-10, null, true], "nested": {"a": "b\\n"}}',
    "<div class='x'>&nbsp;</div><!-- note --><br/>",
    "$ ls -la | grep '^d' && echo \"$HOME\" > /dev/null 2>&1",
    "    if x:\n        y = [\n            1,\n        ]\n\n\n    return y",
    "\\begin{align} \\frac{\\partial f}{\\partial x} &= \\sum_{i=1}^{n} x_i^{2} \\end{align}",
]
SCRIPTS = [
    "你好，世界！今天天气怎么样？我们去吃饭吧。",
    "日本語のテキスト：カタカナ、ひらがな、漢字。ﾊﾝｶｸ",
    "안녕하세요, 세계! 한국어 텍스트입니다. ㄱㄴㄷ",
    "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง ๑๒๓",
    "مرحبا بالعالم، كيف حالك؟ ١٢٣ نَصٌّ مُشَكَّل",
    "नमस्ते दुनिया, क्या हाल है? १२३ क्षत्रिय",
    "שלום עולם, מה שלומך? בְּרֵאשִׁית",
    "ওহে বিশ্ব তুমি কেমন আছো",
    "ഹലോ ലോകം வணக்கம் உலகம்",
    "ქართული Ⴀⴀ ᲐᲑ հայերեն",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𠀀𪛖 𐐀𐐨 ⅣⅨ ½ ² ₃ ㊀ ①",
]
EMOJI = ["😀", "👩‍👩‍👧‍👦", "🇨🇭", "🇺🇸🇫🇷", "👍🏽", "❤️", "🏳️‍🌈", "1️⃣", "🫠", "☃", "👨🏿‍🚀", "🇨", "‍", "️"]
MARKS = [
    "e\u0301",
    "a\u0308\u0323",
    "\u0301x",
    "n\u0303o",
    "Z\u0351\u036b\u0343a\u0329l\u0300g\u0353o\u0300",
    "\u0b95\u0bcd",
]
CONTROLS = [chr(c) for c in (*range(32), 127, 0x85, 0xA0, 0xAD, 0x200B, 0x200E, 0x2028, 0x2029, 0x3000, 0xFEFF, 0xFFFD)]
SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<empty_output>", "<jupyter_text>",
    "<bos>", "<eos>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>", "[multimodal]", "<unused0>", "<unused99>",
    "<start_of_image>", "<0x0A>", "<0xE2>", "</s>", "<s>", "<table>", "<|im_end", "|im_end|>", "<<bos>>",
    "<|im_<|im_end|>",
    "▁", "▁▁", "Ġ", "<mask>", "<h1>", "</code>",
]  # fmt: skip


def words(rng: random.Random) -> str:
    vocabulary = [
        "time",
        "people",
        "model",
        "token",
        "write",
        "under",
        "language",
        "cat",
        "cats",
        "running",
        "Ünïcode",
        "x",
        "y",
        "the",
        "of",
        "a",
        "I'm",
        "don't",
        "it's",
    ]
    line = "".join(
        rng.choice([" ", " ", " ", "  ", ", ", ". ", "-", "_", ""]) + rng.choice(vocabulary)
        for _ in range(rng.randint(1, 30))
    )
    return rng.choice([str, str.upper, str.title])(line)


def runs(rng: random.Random) -> str:
    pieces = (
        rng.choice([" ", "\t", "\n", "\r\n", "\r", "\u3000", "\xa0", "a", "=", "-", "."])
        * rng.choice([1, 2, 3, 5, 8, 17, 33, 70])
        for _ in range(6)
    )
    return "".join(pieces) + rng.choice(["", "end", " end"])


def digits(rng: random.Random) -> str:
    parts = (str(rng.randrange(10 ** rng.randint(1, 12))) for _ in range(rng.randint(1, 6)))
    return rng.choice([" ", ",", ".", "", "-", ":", " $", "٣"]).join(parts) + rng.choice(["", "%", "px", "½", "²"])


def mixed(rng: random.Random) -> str:
    pool = PROSE + CODE + SCRIPTS + EMOJI + MARKS + CONTROLS + SPECIALS
    return "".join(rng.choice(["", " ", "\n", "  "]) + cut(rng.choice(pool), rng) for _ in range(rng.randint(2, 8)))


def cut(text: str, rng: random.Random) -> str:
    if len(text) < 4:
        return text
    start = rng.randrange(len(text) - 2)
    return text[start : start + rng.randint(1, len(text))]


def specials(rng: random.Random) -> str:
    return "".join(
        rng.choice(["", " ", "x", "\n", " hello", "<"]) + rng.choice(SPECIALS) for _ in range(rng.randint(1, 6))
    )


def characters(rng: random.Random) -> str:
    """Any assigned or unassigned code point but surrogates."""
    spans = [(0, 0x250), (0x250, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x20000, 0x110000)]
    return "".join(chr(rng.randrange(*rng.choice(spans))) for _ in range(rng.randint(1, 25)))


def make_lines() -> list[str]:
    rng = random.Random(20240607)
    lines = ["", *PROSE, *CODE, *SCRIPTS, *EMOJI, *MARKS, *CONTROLS, *SPECIALS, "".join(CONTROLS), "".join(EMOJI)]
    makers: list[Callable[[random.Random], str]] = [
        words, runs, digits, mixed, mixed, specials, characters,
        lambda rng: cut(rng.choice(CODE), rng) + cut(rng.choice(CODE), rng),
        lambda rng: rng.choice(SCRIPTS) + rng.choice(["", " "]) + cut(rng.choice(SCRIPTS), rng),
        lambda rng: "".join(rng.choice(EMOJI + MARKS + CONTROLS + [" ", "a"]) for _ in range(rng.randint(1, 20))),
    ]  # fmt: skip
    while len(lines) < N_LINES:
        lines.append(rng.choice(makers)(rng))
    return lines
