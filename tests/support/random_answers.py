"""People who answer: near a level of their own, some more evenly than others, and leaving some out."""

from collections.abc import Callable, Iterator
from random import Random

from tests.support.independent import Answers, Form, Way, next_item


def someone(rng: Random) -> Callable[[list[int]], int | None]:
    level, spread = rng.uniform(-0.2, 1.2), rng.choice((0.4, 1, 5))
    left_out = rng.choice((0, 0, 0.05, 0.2, 0.5, 0.95))

    def answer(values: list[int]) -> int | None:
        place = round(rng.gauss(level * (len(values) - 1), spread))
        return None if rng.random() < left_out else sorted(values)[min(max(place, 0), len(values) - 1)]

    return answer


def some_answers(form: Form, rng: Random) -> Answers:
    """Of an adaptive form along the way that they lead, and in one of four left before its end."""
    answer = someone(rng)
    if form.adaptive is None:
        return {item: answer(form.values(item)) for item in form.scored}
    path: Way = ()
    most = rng.randrange(1, 12) if rng.random() < 0.25 else len(form.scored)
    while len(path) < most and (item := next_item(form, path)):
        path += ((item, answer(form.values(item))),)
    return dict(path)


def many_answers(form: Form, seed: str, count: int) -> Iterator[Answers]:
    rng = Random(f"{form.id} {form.revision} {seed}")
    return (some_answers(form, rng) for _ in range(count))
