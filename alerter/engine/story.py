"""Pure: transitions of one incident folded into its document, with the messages they plan and the reasons why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from alerter.clock import Millis
from alerter.engine.decisions import of_plan, of_transition, of_verdict
from alerter.engine.groups import ends_of, group_of
from alerter.engine.heard import Heard, has_heard
from alerter.engine.repeats import again, bound_by
from alerter.engine.shortening import shortened
from alerter.engine.telling import Told, tell
from alerter.engine.view import describe
from alerter.model.changed import changed
from alerter.model.incident import (
    Change,
    Decision,
    Delivery,
    DeliveryState,
    Group,
    Incident,
    Kind,
    Match,
    Reason,
    Transition,
    View,
    digest,
)
from alerter.model.route import Destination
from alerter.model.rule import Key, Measuring, Rule


@dataclass(frozen=True)
class Words:
    """How the incident is put into words; called only for what is told.

    ``prepare`` asks for all that these transitions will need, at once.
    """

    prepare: Callable[[Sequence[Transition]], None]
    labels: Callable[[Key, Match | None], Mapping[str, str]]
    view: Callable[[Match, Mapping[str, str], Millis, int], View]
    text: Callable[[Incident, Kind, Reason, Millis], str]


@dataclass(frozen=True)
class Audience:
    """Who hears, and what keeps an incident untold at an instant."""

    destinations: Callable[[Incident, Millis], Sequence[Destination]]
    silenced: Callable[[Incident, Millis], tuple[Reason, str, Millis | None] | None]
    channel: Callable[[str], str]


@dataclass(frozen=True)
class Scene:
    """Everything a fold needs: the rule, its words, its audience, and the span evaluated.

    An incident written after ``start`` holds some transitions already (a crash came between its write and the
    checkpoint's); they are passed over. With ``digested`` its messages are planned as dropped: a digest tells of it.
    ``pauses`` yields the nominal instants of a span, where the untold are told once they may be.
    """

    rule: Rule
    words: Words
    audience: Audience
    start: Millis
    end: Millis
    pauses: Callable[[Millis, Millis], Iterable[Millis]]
    digested: bool = False


@dataclass
class Story:
    """The fold's result: the document, and the decisions made on the way."""

    incident: Incident
    decisions: list[Decision] = field(default_factory=list)


def fold(incident: Incident | None, transitions: Sequence[Transition], scene: Scene) -> Story | None:
    """Apply the transitions of one incident, in order; None when nothing is left of it to keep.

    Where the state has lost an incident that the checkpoint knows, the first match announced since opens it again.
    """
    if incident is not None and incident.updated > scene.start:
        transitions = _since(incident, transitions, scene.end)
    if incident is None:
        first = next((n for n, t in enumerate(transitions) if t.match and t.change is not Change.SUPPRESSED), None)
        if first is None:
            return None
        transitions = transitions[first:]
        incident = _opened(transitions[0], scene)
    story = Story(incident)
    for step in _steps(story, transitions, scene):
        if isinstance(step, Transition):
            _apply(story, step, scene)
        else:
            _tell_untold(story, step, scene)
    told = story.incident
    if told.deliveries is not incident.deliveries:
        told = shortened(told, scene.start - scene.rule.buffer_time - scene.rule.timeframe)
    story.incident = changed(told, updated=max(scene.end, told.updated))
    return story


def _since(incident: Incident, transitions: Sequence[Transition], end: Millis) -> list[Transition]:
    """Return what the document does not hold yet.

    Late events may have ended an incident in the span judged again, at an instant for which it was written as firing:
    its end is told as of what is written. An evaluation that does not reach that far cannot tell: it may open again.
    """
    new = [t for t in transitions if t.at > incident.updated]
    if end < incident.updated:
        return new
    turns = [t for t in transitions if t.change in (Change.OPENED, Change.REOPENED, Change.RESOLVED)]
    if incident.resolved is None and not new and turns and turns[-1].change is Change.RESOLVED:
        return [changed(turns[-1], at=incident.updated)]
    return new


def _steps(story: Story, transitions: Sequence[Transition], scene: Scene) -> Iterator[Transition | Millis]:
    """Interleave transitions with the instants at which an untold incident may become tellable."""
    reached = max(scene.start, story.incident.opened)
    for transition in transitions:
        yield from _pauses(story, reached, transition.at - 1, scene)
        yield transition
        tells = transition.change not in (Change.SUPPRESSED, Change.MEASURED)
        reached = max(reached, transition.at if tells else transition.at - 1)
    yield from _pauses(story, reached, scene.end, scene)


def _pauses(story: Story, start: Millis, end: Millis, scene: Scene) -> Iterator[Millis]:
    if (
        scene.digested
        or story.incident.resolved is not None
        or start >= end
        or not _untold(story.incident, scene, start)
    ):
        return
    for instant in scene.pauses(start, end):
        if story.incident.resolved is None and _untold(story.incident, scene, instant):
            yield instant


def _untold(incident: Incident, scene: Scene, at: Millis) -> bool:
    return not all(has_heard(d.receiver, incident) for d in scene.audience.destinations(incident, at))


def _opened(transition: Transition, scene: Scene) -> Incident:
    match = transition.match
    labels = dict(scene.words.labels(transition.key, match))
    if transition.severity:
        labels["severity"] = transition.severity
    return Incident(
        id=transition.incident,
        rule=scene.rule.name,
        type=scene.rule.type,
        key=transition.key,
        labels=labels,
        opened=transition.opened,
        revision=0,
        quiet_close=scene.rule.is_event_type and scene.rule.resolve_after is None,
        of_values=isinstance(scene.rule.condition, Measuring),
    )


def _apply(story: Story, transition: Transition, scene: Scene) -> None:
    _APPLY[transition.change](story, transition, scene)


def _announced(story: Story, transition: Transition, scene: Scene) -> None:
    """OPENED, REPEATED, REOPENED, RAISED: something to tell, or a reason not to."""
    incident = changed(story.incident, resolved=None, resolve_reason="")
    raised = transition.change in (Change.RAISED, Change.REOPENED) and _rises(incident, transition)
    if raised:
        incident = changed(incident, labels={**incident.labels, "severity": transition.severity})
    story.incident = _with_match(incident, transition, scene)
    story.decisions.append(of_transition(story.incident, transition, _detail(story, transition, scene)))
    _tell(story, transition.at, transition.change, transition.reason, scene, raised=raised)


def _rises(incident: Incident, transition: Transition) -> bool:
    """Whether a transition names a severity that the incident does not have yet: severities only rise."""
    return bool(transition.severity) and transition.severity != incident.labels.get("severity")


def _suppressed(story: Story, transition: Transition, scene: Scene) -> None:
    incident = story.incident
    story.incident = changed(
        incident,
        suppressed=incident.suppressed + transition.number,
        last_held=max(incident.last_held, transition.at),
        revision=incident.revision + 1,
    )
    story.decisions.append(of_transition(incident, transition, _detail(story, transition, scene)))


def _measured(story: Story, transition: Transition, _scene: Scene) -> None:
    incident = story.incident
    if transition.count != incident.count:
        peak = max(incident.peak, transition.count)
        story.incident = changed(incident, count=transition.count, peak=peak, revision=incident.revision + 1)


def _resolved(story: Story, transition: Transition, scene: Scene) -> None:
    incident = story.incident
    story.incident = changed(
        incident,
        resolved=transition.at,
        resolve_reason=str(transition.reason),
        last_held=transition.last_held or incident.last_held,
        revision=incident.revision + 1,
        quiet_close=incident.quiet_close and transition.reason is Reason.QUIET,
    )
    story.decisions.append(of_transition(story.incident, transition))
    moved = incident.resolved is not None  # late events, judged after a checkpoint's write was lost
    for receiver in () if moved else Heard.of(incident).receivers:
        for group in ends_of(incident, receiver, transition.at, quiet=story.incident.quiet_close, rule=scene.rule):
            _plan(story, Told(receiver, Kind.RESOLVED, transition.reason), transition.at, scene, group)


_APPLY: dict[Change, Callable[[Story, Transition, Scene], None]] = {
    Change.OPENED: _announced,
    Change.REPEATED: _announced,
    Change.REOPENED: _announced,
    Change.RAISED: _announced,
    Change.SUPPRESSED: _suppressed,
    Change.MEASURED: _measured,
    Change.RESOLVED: _resolved,
}


def _with_match(incident: Incident, transition: Transition, scene: Scene) -> Incident:
    match = transition.match
    if match is None:
        return changed(incident, last_held=max(incident.last_held, transition.at), revision=incident.revision + 1)
    return changed(
        incident,
        matches=incident.matches + 1,
        count=match.count,
        peak=max(incident.peak, match.count),
        last_held=max(incident.last_held, transition.at),
        silenced_until=transition.until,
        exponent=transition.exponent,
        revision=incident.revision + 1,
        view=scene.words.view(match, incident.labels, incident.opened, incident.matches + 1),
    )


def _tell(story: Story, at: Millis, change: Change, reason: Reason, scene: Scene, *, raised: bool) -> None:
    """Ask for each destination whether to tell now; plan the message, or record why not."""
    incident = story.incident
    destinations = scene.audience.destinations(incident, at)
    silenced = scene.audience.silenced(incident, at)
    due = partial(again, scene.rule)
    for told in tell(destinations, Heard.of(incident), silenced, change, reason, at, due):
        if told.kind is None:
            story.decisions.append(of_verdict(incident, _with_bound(told, destinations, scene), at))
        else:
            _plan(story, told, at, scene, _group(story, destinations, told, at, scene), raised=raised)


def _with_bound(told: Told, destinations: Sequence[Destination], scene: Scene) -> Told:
    """Return the verdict; where the least time between repeats is the reason and no route writes it, whose it is."""
    if told.reason is not Reason.REPEAT_INTERVAL:
        return told
    destination = next(d for d in destinations if d.receiver == told.receiver)
    return replace(told, detail=bound_by(scene.rule, destination))


def _group(story: Story, destinations: Sequence[Destination], told: Told, at: Millis, scene: Scene) -> Group | None:
    """Return what a message is told together with; a digest of a gap stands for each of them."""
    destination = next(d for d in destinations if d.receiver == told.receiver)
    return None if scene.digested else group_of(scene.rule, story.incident, destination, at)


def _tell_untold(story: Story, at: Millis, scene: Scene) -> None:
    incident = story.incident
    heard = Heard.of(incident)
    waiting = [d for d in scene.audience.destinations(incident, at) if d.receiver not in heard.receivers]
    silenced = scene.audience.silenced(incident, at)
    for told in tell(waiting, heard, silenced, Change.OPENED, Reason.SILENCE_ENDED, at):
        if told.kind is not None:
            _plan(story, told, at, scene, _group(story, waiting, told, at, scene))


def _plan(story: Story, told: Told, at: Millis, scene: Scene, group: Group | None, *, raised: bool = False) -> None:
    incident = story.incident
    assert told.kind is not None
    nth = sum(1 for d in incident.deliveries if d.at == at and d.receiver == told.receiver and d.kind is told.kind)
    delivery = Delivery(
        id=digest("delivery", incident.id, told.receiver, told.kind, at, nth),
        kind=told.kind,
        receiver=told.receiver,
        channel=scene.audience.channel(told.receiver),
        at=at,
        reason=told.reason,
        text=scene.words.text(incident, told.kind, told.reason, at),
        route=told.route,
        raised=raised,
        group=group,
    )
    if scene.digested:
        delivery = changed(delivery, state=DeliveryState.DROPPED, error=str(Reason.CATCH_UP))
    story.incident = changed(incident, deliveries=(*incident.deliveries, delivery))
    story.decisions.append(of_plan(incident, delivery))


def _detail(story: Story, transition: Transition, scene: Scene) -> str:
    """Return the match's numbers against the condition, as messages show them."""
    match = transition.match
    return "" if match is None else describe(scene.rule, match, story.incident.labels)
