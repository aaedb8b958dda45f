"""What a grammar writes: words, numbers by rules, and what stands between brackets."""

import pytest

from engine.channels.language.template import BadGrammar, Choice, Numeral, Word, read_template


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("", ()),
        ("oh 1", (Word("oh"), Word("1"))),
        ("< hundred >", (Numeral("<", ""), Word("hundred"), Numeral(">", ""))),
        ("<joined =cardinal", (Numeral("<", "joined"), Numeral("=", "cardinal"))),
        ("day:ordinal märz", (Numeral("day", "ordinal"), Word("märz"))),
        ("30 [>]", (Word("30"), Choice((Numeral(">", ""),), ()))),
        ("[40 > | 40th]", (Choice((Word("40"), Numeral(">", "")), (Word("40th"),)),)),
    ],
)
def test_a_text_is_read(text, template):
    assert read_template(text) == template


@pytest.mark.parametrize(
    "text", ["[a", "a]", "a | b", "[a | b | c]", "[a [b]]", "a/b", "../a", "<a>b", "a:", "x " * 200]
)
def test_what_is_no_template_is_refused(text):
    with pytest.raises(BadGrammar):
        read_template(text)
