"""The view inside Airflow: pages and REST API on requests and runs.

Who may decide is not settled here: `requests` applies the rules of `approval`.
"""
