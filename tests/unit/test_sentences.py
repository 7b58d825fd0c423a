"""What the loader says to an author: how to write it, and where it belongs."""

import pytest

from tests.unit.shelf import HEAD, MODEL, problems_of

RATE = """\
[[rate]]
id = "all"
form = "flat"
price = "1"
"""
GOOD = HEAD + MODEL + RATE
COST = """\
[cost]
currency = "USD"
[[cost.rate]]
id = "gpu"
form = "flat"
price = "0.5"
"""

SUCH_AS = 'must be a decimal in quotes, such as "10" or "0.63".'
NOT_HERE = "is not a key here. "
LIMIT = "free = true\nentitlements = { limit = [{ alow = {} }] }"

# Each case: what is replaced, by what, the key, and the sentence.
CASES = [
    # -- numbers and quotes
    (
        'price = "1"',
        "price = 0.63",
        "price",
        'must be a decimal in quotes: write "0.63" instead of 0.63.',
    ),
    (
        'price = "1"',
        "price = 10",
        "price",
        'must be a decimal in quotes: write "10" instead of 10.',
    ),
    (
        'price = "1"',
        "price = 1e-5",
        "price",
        'must be a decimal in quotes: write "0.00001" instead of 1e-05.',
    ),
    ('price = "1"', "price = 1e-7", "price", SUCH_AS),
    ('price = "1"', "price = inf", "price", SUCH_AS),
    ('price = "1"', "price = true", "price", SUCH_AS),
    ("min = 1, max = 60", 'min = "1", max = 60', "min", "must be a whole number. Write 1."),
    ("min = 1, max = 60", "min = 1.0, max = 60", "min", "must be a whole number. Write 1."),
    ("free = true", 'free = "true"', "free", "must be true or false. Write true."),
    ("free = true", 'free = "yes"', "free", "must be true or false."),
    ('zone = "UTC"', "zone = 8", "zone", 'must be a text in quotes. Write "8".'),
    ('["expires_at"]', '"expires_at"', "burn_order", 'must be a list. Write ["expires_at"].'),
    (
        'price = "1"',
        'price = "1"\nmatch = { seconds = 2.5 }',
        "seconds",
        'must be a text of 1 to 64 characters or a whole number: write "2.5".',
    ),
    # -- unknown keys
    ('price = "1"', 'price = "1"\nlabl = 1', "labl", NOT_HERE + "Did you mean label?"),
    (
        "mode = { values",
        "mode = { defualt = 1, values",
        "defualt",
        NOT_HERE + "Did you mean default?",
    ),
    ("free = true", LIMIT, "alow", NOT_HERE + "Did you mean allow?"),
    (
        'price = "1"',
        'price = "1"\ntable = {}',
        "table",
        NOT_HERE + "It is a key of other forms: lookup.",
    ),
    (
        'price = "1"',
        'price = "1"\ntabel = {}',
        "tabel",
        NOT_HERE + "Did you mean table, a key of other forms: lookup?",
    ),
    (
        'price = "1"',
        f'price = "1"\n{COST}basis = "seconds"',
        "basis",
        NOT_HERE + "It is a key of other forms: per_unit, tiers.",
    ),
    (
        'price = "1"',
        'price = "1"\nsurfaces = ["web"]',
        "surfaces",
        NOT_HERE + "It belongs at the top of the file, before the first [table].",
    ),
    (
        "mode = { values",
        'successor = "n"\nmode = { values',
        "successor",
        "must be a table. It belongs to [[model]], above the tables inside of it.",
    ),
    ('price = "1"', 'price = "1"\nqqq = 1', "qqq", "is not a key here."),
    # -- in words
    (
        'name = { en = "M", zh = "M" }',
        'name = "M"',
        "name",
        'must be a table. Write { en = "M", zh = "…" }.',
    ),
    (
        'slug = "shop"',
        'slug = "My Shop"',
        "slug",
        "must be of small letters, digits and . _ -, such as vivid-1.",
    ),
    (
        'price = "1"',
        'price = "1"\nhours = { from = "22:00", to = "24:00", zone = "UTC" }',
        "to",
        'must be an hour and a minute; midnight is "00:00".',
    ),
    (
        'price = "1"',
        'price = "1"\n[[modifier]]\nid = "m"\nfactor = "-40%"',
        "factor",
        'must be a factor: 40 % less is "0.6".',
    ),
    (
        'price = "1"',
        'price = "1"\n[[modifier]]\nid = "m"\nfactor = "+50%"',
        "factor",
        'must be a factor: 50 % more is "1.5".',
    ),
    (
        'price = "1"',
        'price = "1"\n[[modifier]]\nid = "m"\nmatch = { secound_unit = 1 }\nadd = "1"',
        "secound_unit",
        "names secound_unit, which no model here lets an order choose.",
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "sentence"), CASES, ids=[case[1] for case in CASES])
def test_it_is_said_how_to_mend_it(old: str, new: str, key: str, sentence: str) -> None:
    assert GOOD.count(old) == 1

    found = problems_of(GOOD.replace(old, new))

    said = [
        problem.sentence
        for problem in found
        if problem.key.endswith(f".{key}") or problem.key == key
    ]
    assert said == [sentence]
