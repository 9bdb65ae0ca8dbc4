"""Checks of a deployment: configuration, store, definitions, Airflow, mail, connections and rights; they
change nothing.
"""
