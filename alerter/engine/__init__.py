"""One tick: due rules, evaluate, incidents, route, outbox, deliver."""
