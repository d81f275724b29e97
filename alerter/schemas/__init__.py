"""JSON Schemas with descriptions and examples, for editors; loading itself checks more than they say."""
