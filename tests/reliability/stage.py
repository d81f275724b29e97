"""Two rules, two receivers (bot and webhook), two seconds of events: an incident of each fires, repeats, resolves."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from alerter.clock import SECOND, Millis
from alerter.model.incident import DeliveryState
from alerter.state.elasticsearch import ElasticsearchState
from alerter.state.protocol import State, StateError
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso
from tests.support.slack_proxy import SlackProxy

RULE = """name: {name}
type: frequency
index: {index}
num_events: 3
timeframe: 1s
realert: 500ms
resolve_after: 1s
domain: {domain}
filter: [{{term: {{kind: {domain}}}}}]
"""
KEYED, PLAIN = "refund surge", "stuck orders"
"""Both are due in the same part of a second."""
ROUTES = """route:
  receiver: hook
  routes: [{{matchers: [domain="user"], receiver: bot}}]
receivers:
  - {{name: bot, slack: {{channel: "#{bot}"}}}}
  - {{name: hook, slack: {{channel: "#{hook}", webhook_env: HOOK}}}}
"""
SETTINGS = """rules: rules
notifiers: notifiers
run_every: 1s
query_delay: 0s
buffer_time: 1s
lease: {ttl: 6s}
delivery: {first_look: 200ms, second_look: 600ms}
http_port: 0
instance: one
"""
BURSTS: Sequence[Millis] = (900, 910, 920, 1500, 1510, 1520)
"""Before one full second and before the next: evaluated one after the other."""
KEYWORD = {"type": "keyword"}
MAPPING = {
    "settings": {"number_of_replicas": 0},
    "mappings": {"properties": {"@timestamp": {"type": "date"}, "kind": KEYWORD, "user": KEYWORD}},
}
LATER: Millis = 5
"""The second incident opens after the first, so that deliveries have an order."""
MARKS = ("[FIRING]", "[REPEAT]", "[RESOLVED]")
Told = Mapping[str, int]


@dataclass(frozen=True)
class Chapter:
    """An incident as it went, times counted from the first event."""

    rule: str
    key: object
    opened: Millis
    resolved: Millis | None
    messages: tuple[tuple[str, Millis, str], ...]


class Store:
    """Where events and state are."""

    environ: Mapping[str, str] = {}
    settings = ""
    index = "events"

    def put(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Make events readable."""
        raise NotImplementedError

    @contextmanager
    def state(self) -> Iterator[State]:
        """Open the state past all proxies. Raises StateError while there is none."""
        raise NotImplementedError
        yield


class FileStore(Store):
    """A data file and SQLite."""

    def __init__(self, folder: Path) -> None:
        self._data, self._state = folder / "events.ndjson", folder / "state.db"
        self._data.touch()
        self.settings = f"data: {self._data}\nstate_file: {self._state}\n"

    def put(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Append to the data file."""
        with self._data.open("a") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)

    @contextmanager
    def state(self) -> Iterator[State]:
        """Open the file a second time."""
        if not self._state.exists():
            raise StateError("missing", "no file yet")
        state = SqliteState(str(self._state))
        try:
            yield state
        finally:
            state.close()


class ElasticStore(Store):
    """Indices of a prefix on a real Elasticsearch; ``url`` is what the engine is told."""

    def __init__(self, client: Elasticsearch, prefix: str, url: str) -> None:
        self._client = client
        self.index, self.prefix = f"{prefix}-events", f"alerter-{prefix}"
        self.environ = {"ALERTER_ES_URL": url, "ALERTER_STATE_INDEX": self.prefix}
        client.indices.create(index=self.index, **MAPPING)

    def put(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write in bulk, visible at once."""
        lines = [line for event in events for line in ({"create": {}}, event)]
        assert not self._client.bulk(index=self.index, operations=lines, refresh=True)["errors"]

    @contextmanager
    def state(self) -> Iterator[State]:
        """Read the indices through a client of one's own; lists begin with a refresh."""
        yield ElasticsearchState(self._client, self.prefix)

    def drop(self) -> None:
        """Delete the indices."""
        self._client.indices.delete(index=[self.index, *self._client.indices.get(index=f"{self.prefix}-*")])


class Stage:
    """A project folder over a store, and what came of it."""

    def __init__(self, folder: Path, store: Store, slack: SlackProxy, bot: str, hook: str) -> None:
        self.folder, self.store, self._slack = folder, store, slack
        self._channels = {KEYED: slack.channel_id(bot), PLAIN: slack.channel_id(hook)}
        self._bot = bot
        self._zero: Millis = 0
        self._newest = self._roots()[:1]
        self.environ = {
            "ALERTER_SLACK_BASE_URL": slack.base_url, "ALERTER_SLACK_TOKEN": next(iter(slack.tokens)),
            "HOOK": slack.webhook_url(hook), **store.environ,
        }  # fmt: skip
        self._write("alerter.yaml", SETTINGS + store.settings)
        self._write("notifiers/routes.yaml", ROUTES.format(bot=bot, hook=hook))
        keyed = RULE.format(name=KEYED, index=store.index, domain="user")
        self._write("rules/keyed.yaml", f"{keyed}query_key: user\n")
        self._write("rules/plain.yaml", RULE.format(name=PLAIN, index=store.index, domain="order"))

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def happen(self) -> None:
        """Let both bursts happen, from the next full second that is one and a half ahead: time to be readable."""
        self._zero = (time.time_ns() // 1_000_000 + 2499) // SECOND * SECOND
        times = [iso(self._zero + after) for after in BURSTS]
        users = [{"@timestamp": at, "kind": "user", "user": "amal"} for at in times]
        later = (iso(self._zero + after + LATER) for after in BURSTS)
        self.store.put([*users, *({"@timestamp": at, "kind": "order"} for at in later)])

    def ready(self) -> bool:
        """Whether both rules have begun."""
        try:
            with self.store.state() as state:
                return len(state.checkpoints([KEYED, PLAIN])) == 2
        except StateError:
            return False

    def at_rest(self) -> bool:
        """Whether both incidents are over and told, and the checkpoint of each one's rule knows that it is over.

        How far the other rule was evaluated says nothing: a quiet rule's checkpoint is written seldom.
        """
        with self.store.state() as state:
            incidents = [stored.value for stored in state.incidents()]
            checkpoints = state.checkpoints([KEYED, PLAIN])
        evaluated = {rule: stored.value.evaluated for rule, stored in checkpoints.items()}
        over = [i for i in incidents if i.resolved is not None and i.resolved <= evaluated[i.rule]]
        return len(over) == len(incidents) >= 2 and not any(i.outbox or i.stale_posts for i in incidents)

    def story(self) -> list[Chapter]:
        """Return the incidents as the state has them."""
        with self.store.state() as state:
            found = [stored.value for stored in state.incidents()]
        return sorted(
            (
                Chapter(
                    i.rule, i.key, i.opened - self._zero, None if i.resolved is None else i.resolved - self._zero,
                    tuple((str(d.kind), d.at - self._zero, str(d.state)) for d in i.deliveries),
                )
                for i in found
            ),
            key=lambda chapter: chapter.rule,
        )  # fmt: skip

    def told(self, rule: str) -> Told:
        """Return how often Slack accepted a message of each kind in the channel of a rule."""
        posts = (self._slack.accepted(m, channel=self._channels[rule]) for m in ("chat.postMessage", "webhook"))
        texts = [str(seen.request.payload.get("text", "")) for found in posts for seen in found]
        return Counter(next((m for m in MARKS if t.startswith(m)), t) for t in texts)

    def roots(self) -> list[str]:
        """Return the texts of the messages the bot posted into its channel, as they stand now."""
        found = self._roots()
        new = found[: found.index(self._newest[0])] if self._newest and self._newest[0] in found else found
        return [text for _, text in new]

    def _roots(self) -> list[tuple[str, str]]:
        found = self._slack.ask("conversations.history", channel=self._slack.channel_id(self._bot), limit=50)
        return [(str(m["ts"]), str(m["text"])) for m in found["messages"]]

    def loose_ends(self) -> list[str]:
        """Return what is not as it should be once an engine has stopped cleanly."""
        with self.store.state() as state:
            held = {rule: v.value.owner for rule, v in state.checkpoints([KEYED, PLAIN]).items() if v.value.owner}
            incidents = [stored.value for stored in state.incidents()]
            members = list(state.members())
        unfinished = [i.id for i in incidents if i.outbox or i.stale_posts]
        bad = [d for i in incidents for d in i.deliveries if d.state is not DeliveryState.SENT]
        found = {"unfinished": unfinished, "still held": held, "not sent": bad, "still members": members}
        return [f"{what}: {which}" for what, which in found.items() if which]
