"""The one place that writes: carries a plan out, records every outcome, resumes."""
