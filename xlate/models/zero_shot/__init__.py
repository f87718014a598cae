"""Translation to GPUs that no run was made on, from what data sheets say."""
