"""The commands: one module a topic, each adds its parsers and imports numerics only when it runs."""
