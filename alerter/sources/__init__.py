"""Where events come from: one protocol that answers search requests, one implementation per kind of server."""
