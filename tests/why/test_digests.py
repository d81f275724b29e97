"""A storm through the real courier: since when somebody knew of an incident that joined the digest late."""

from __future__ import annotations

from alerter.clock import MINUTE
from alerter.why.account import account
from alerter.why.records import Records
from tests.delivery.fakes import NOW, Desk
from tests.delivery.test_storm import STORM, digest_of, members, storm
from tests.why.support import ASKED, RULE


def test_the_time_is_that_of_the_edit_that_brought_it() -> None:
    """Neither that of the digest's first post, which came before, nor that of its last edit."""
    desk = Desk(storm=STORM)
    storm(desk, 400)
    desk.passes(60)
    early = set(members(desk))
    storm(desk, 3, start=1_000)
    joined = desk.clock.now()
    desk.passes(35)
    storm(desk, 3, start=2_000)
    desk.passes(65)
    (late,) = (id for id in members(desk) if id == "i1000")
    digest, made = digest_of(desk), desk.read(late)
    noted = {id: tuple(desk.state.decisions(incident=id)) for id in (late, digest.id)}
    kept = Records(desk.clock.now(), 0, incidents=[made], decisions=noted, digests=[digest])
    told = account(ASKED, RULE, kept).paragraphs[0].heard[0].told
    assert early
    assert told is not None
    assert NOW + MINUTE == joined <= told <= joined + MINUTE // 2 < digest.posts[0].edited
