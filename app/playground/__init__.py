"""The Playground's controls, live charts and scene."""
