"""Files that the README's commands read, and the script that makes them."""
