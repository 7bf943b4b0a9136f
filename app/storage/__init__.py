"""What is kept of the runs: a SQLite database and safetensors files under the data directory."""
