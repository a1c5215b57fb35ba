"""What stands in a page's address: the session's choices and the configurations it carries.

It imports configurations, `theme`, and `jobs` of the core.
"""
