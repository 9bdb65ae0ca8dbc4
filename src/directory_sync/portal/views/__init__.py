"""The HTML pages: a module for each page with its address, what its template gets, and its routes.

Several pages share `frame`, `rendering`, `change_list`, `limit_meters`, `history` and `times`.
Decisions are made elsewhere.
"""
