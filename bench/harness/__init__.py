"""What the scenarios are made with: pools of workers, servers in front of them, clients of all tempers."""
