"""Everything that knows Airflow: DAG factory, operators, hook, provider info, plugin."""
