"""The view inside Airflow: pages and REST API on requests and runs.

What may be done stands in `approval`, not here.
"""
