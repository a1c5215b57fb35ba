"""A page's address: the choices of the session and the configurations in it.

It imports configurations, `theme`, and `jobs` of the core.
"""
