"""The explanation as one file: six chapters whose numbers a reader's browser computes from bundled runs.

May be imported by the command line; imports the scene, the theme and the core.
"""
