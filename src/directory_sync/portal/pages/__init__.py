"""The HTML pages: routes, what each template gets (frozen dataclasses), and how values are shown. Decisions
are made elsewhere.

Only `routing`, `frame` and the modules `routes_…` know FastAPI; what turns data into contexts needs neither
it nor Airflow.
"""
