"""How Chinese is said. Its tables take half a second to read, so only who needs them waits; the web and the workers read them ahead."""


def syllables(text):
    """Without tones; what is not Chinese stays as it is."""
    from pypinyin import lazy_pinyin

    return lazy_pinyin(text)
