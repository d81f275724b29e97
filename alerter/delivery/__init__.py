"""The outbox: what is planned in incidents is sent, retried, reconciled and recorded."""
