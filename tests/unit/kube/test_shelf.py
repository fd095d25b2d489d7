"""What a shelf shows while lists, watches and our own writes tell of the same objects."""

from hypothesis import given
from hypothesis import strategies as st

from aryl.kube.reflector import Entry
from aryl.kube.shelf import HEED_AGAIN_S, Shelf

KEYS = ("a", "b")


def entry(key: str, version: int, view: str | None = None) -> Entry[str]:
    return Entry(key, str(version), view or f"{key} at {version}")


def filled(*entries: Entry[str]) -> Shelf[str]:
    shelf: Shelf[str] = Shelf()
    shelf.begin()
    shelf.fill(entries)
    return shelf


def test_it_shows_what_a_list_and_then_a_watch_tell() -> None:
    shelf = filled(entry("a", 1), entry("b", 2))

    shelf.take(entry("a", 3), is_gone=False)
    shelf.take(entry("b", 4), is_gone=True)
    shelf.take(entry("c", 5), is_gone=False)

    assert shelf.share() == {"a": "a at 3", "c": "c at 5"}


def test_a_list_removes_what_is_not_on_it() -> None:
    shelf = filled(entry("a", 1), entry("b", 2))

    shelf.begin()
    differs = shelf.fill([entry("b", 2)])

    assert differs
    assert shelf.share() == {"b": "b at 2"}


def test_what_was_shown_stays_as_it_was() -> None:
    shelf = filled(entry("a", 1))
    before = shelf.share()

    shelf.take(entry("a", 2), is_gone=False)

    assert before == {"a": "a at 1"}
    assert shelf.share() == {"a": "a at 2"}


def test_the_same_mapping_is_shown_while_nothing_changes() -> None:
    shelf = filled(entry("a", 1, "same"))
    before = shelf.share()

    assert not shelf.take(entry("a", 2, "same"), is_gone=False)
    assert shelf.share() is before


def test_our_own_write_is_shown_and_older_news_does_not_undo_it() -> None:
    shelf = filled(entry("a", 1))

    shelf.wrote(entry("a", 5), 0.0)
    shelf.take(entry("a", 3), is_gone=False)
    assert shelf.share() == {"a": "a at 5"}

    shelf.take(entry("a", 5), is_gone=False)
    shelf.take(entry("a", 6), is_gone=False)
    assert shelf.share() == {"a": "a at 6"}


def test_an_answer_that_comes_after_the_watch_told_of_it_is_old_news() -> None:
    shelf = filled(entry("a", 1))

    shelf.take(entry("a", 5), is_gone=False)
    shelf.take(entry("a", 6), is_gone=False)
    shelf.wrote(entry("a", 5), 0.0)

    assert shelf.share() == {"a": "a at 6"}
    assert not shelf.is_lost(HEED_AGAIN_S)


def test_an_answer_about_an_object_that_is_gone_does_not_bring_it_back() -> None:
    shelf = filled(entry("a", 1))

    shelf.take(entry("a", 7), is_gone=True)
    shelf.wrote(entry("a", 1), 0.0)

    assert shelf.share() == {}
    assert not shelf.is_lost(HEED_AGAIN_S)


def test_a_write_that_changed_nothing_is_not_waited_for() -> None:
    shelf = filled(entry("a", 1))

    shelf.wrote(entry("a", 1), 0.0)

    assert not shelf.is_lost(HEED_AGAIN_S)


def test_a_watch_that_never_tells_of_our_write_has_lost_it() -> None:
    shelf = filled(entry("a", 1))
    shelf.wrote(entry("a", 5), 100.0)

    assert not shelf.is_lost(100.0 + HEED_AGAIN_S - 0.1)
    assert shelf.is_lost(100.0 + HEED_AGAIN_S)

    shelf.begin()
    shelf.fill([entry("a", 4)])
    assert shelf.share() == {"a": "a at 4"}


def test_a_list_that_was_asked_for_before_our_write_does_not_undo_it() -> None:
    shelf = filled(entry("a", 1), entry("b", 2))

    shelf.begin()
    shelf.wrote(entry("a", 5), 0.0)
    shelf.wrote(entry("c", 6), 0.0)
    shelf.fill([entry("a", 4), entry("b", 2)])
    assert shelf.share() == {"a": "a at 5", "b": "b at 2", "c": "c at 6"}

    for seen in (entry("a", 5), entry("c", 6), entry("c", 7)):
        shelf.take(seen, is_gone=False)
    assert shelf.share() == {"a": "a at 5", "b": "b at 2", "c": "c at 7"}


def test_a_list_that_never_comes_undoes_nothing() -> None:
    shelf = filled(entry("a", 1))
    shelf.wrote(entry("a", 5), 0.0)

    shelf.begin()
    shelf.take(entry("a", 3), is_gone=False)

    assert shelf.share() == {"a": "a at 5"}


def test_a_list_that_tells_of_our_write_is_what_was_waited_for() -> None:
    shelf = filled(entry("a", 1))

    shelf.begin()
    shelf.wrote(entry("a", 5), 0.0)
    shelf.fill([entry("a", 5)])

    assert not shelf.is_lost(HEED_AGAIN_S)


def test_an_answer_older_than_the_last_event_is_old_news() -> None:
    shelf = filled(entry("a", 5))

    shelf.take(entry("a", 9), is_gone=False)
    shelf.wrote(entry("a", 5), 0.0)

    assert shelf.share() == {"a": "a at 9"}


def test_objects_of_no_interest_are_not_shown() -> None:
    shelf = filled(Entry("a", "1", None), entry("b", 2))

    shelf.take(Entry("b", "3", None), is_gone=False)
    assert shelf.share() == {}

    shelf.take(entry("a", 4), is_gone=False)
    assert shelf.share() == {"a": "a at 4"}


# Who does what to which object: we or others; and how soon watch, lists and answers come.
ACTS = ("ours", "theirs", "delete", "hear", "answer", "begin", "fill", "fail")


@given(st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(KEYS)), max_size=60))
def test_in_the_end_it_shows_what_is_and_never_undoes_our_write(
    steps: list[tuple[str, str]],
) -> None:
    world = World()

    for act, key in steps:
        world.step(act, key)
        world.check()
    world.settle()

    assert world.shelf.share() == {key: f"{key} at {at}" for key, at in world.truth.items()}
    assert not world.shelf.is_lost(float("inf"))


class World:
    """A server with versions that grow, a watch that is late, and answers that are too."""

    def __init__(self) -> None:
        self.shelf = filled()
        self.truth: dict[str, int] = {}
        self.version = 0
        self.stream: list[tuple[Entry[str], bool]] = []  # told by the server, not yet heard
        self.answers: list[Entry[str]] = []  # to our writes
        self.listed: list[Entry[str]] | None = None
        self.begun_at = (0, 0)  # the server's version, and what the watch was to tell by then
        self.known: dict[str, int] = {}  # versions of ours whose answers have come

    def step(self, act: str, key: str) -> None:
        getattr(self, act)(key)

    def ours(self, key: str) -> None:
        self.theirs(key)
        self.answers.append(self.stream[-1][0])

    def theirs(self, key: str) -> None:
        self.version += 1
        self.truth[key] = self.version
        self.stream.append((entry(key, self.version), False))

    def delete(self, key: str) -> None:
        if key in self.truth:
            self.version += 1
            del self.truth[key]
            self.stream.append((entry(key, self.version), True))

    def hear(self, _: str) -> None:
        if self.stream and self.listed is None:  # one thread lists and watches
            heard, is_gone = self.stream.pop(0)
            self.shelf.take(heard, is_gone=is_gone)
            if is_gone:
                self.known.pop(heard.key, None)

    def answer(self, _: str) -> None:
        if self.answers:
            answered = self.answers.pop(0)
            self.shelf.wrote(answered, 0.0)
            if answered in [told for told, _ in self.stream]:
                self.known[answered.key] = int(answered.version)

    def begin(self, _: str) -> None:
        if self.listed is None and not self.answers:
            self.shelf.begin()
            self.begun_at = (self.version, len(self.stream))
            self.listed = [entry(key, at) for key, at in self.truth.items()]

    def fill(self, _: str) -> None:
        if self.listed is not None:
            version, count = self.begun_at
            self.shelf.fill(self.listed)
            gone = self.known.keys() - {told.key for told in self.listed}
            self.known = {k: v for k, v in self.known.items() if k not in gone or v > version}
            del self.stream[:count]  # the watch goes on from the list
            self.listed = None

    def fail(self, _: str) -> None:
        self.listed = None  # the watch goes on from where it was

    def settle(self) -> None:
        while self.answers or self.stream or self.listed is not None:
            self.fill("")
            self.answer("")
            self.hear("")

    def check(self) -> None:
        """What is shown of an object is as new as our last write to it that was answered."""
        shown = self.shelf.share()
        for key, at in self.known.items():
            assert int(shown[key].rpartition(" ")[2]) >= at
