"""Translation to GPUs without any measured run, from data sheets."""
