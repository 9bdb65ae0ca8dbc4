"""`make demo`: two throw-away directories, a running Airflow and a collection that keeps one like the
other.
"""
