"""Where records come from and go to. Knows nothing about jobs, plans or Airflow: it is handed connections."""
