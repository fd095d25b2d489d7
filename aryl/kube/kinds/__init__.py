"""What describes jobs on a cluster: TrainingJobs, and other kinds that Aryl manages."""
